use super::*;

fn bundle() -> Bundle {
    let mut models = (0..).map(|seed| polc_testgen::Case::new(seed, &[]).model);
    let small = models.find(|model| model.policies.len() == 2).unwrap();
    Bundle::compile(small, []).unwrap()
}

#[test]
fn programs_survive_the_file() {
    for seed in 0..20 {
        let bundle = Bundle::compile(polc_testgen::Case::new(seed, &[]).model, []).unwrap();
        let compiler = polc_codegen::Compiler::new(&bundle.model);
        for (class, elf) in bundle.plan.classes.iter().zip(&bundle.programs) {
            let program = compiler
                .compile(class, polc_codegen::Limits::default())
                .unwrap();
            assert_eq!(polc_codegen::elf::read(elf).unwrap().class, program);
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let bundle = bundle();
    let bytes = bundle.encode().unwrap();
    assert_eq!(bytes, bundle.encode().unwrap(), "the same bytes each time");
    assert_eq!(Bundle::decode(bytes), Ok(bundle));
}

/// The programs that a change of one policy leaves as they are, byte for byte: those of all classes
/// that it is not part of.
fn unchanged(before: &Bundle, after: &Bundle, policy: polc_model::PolicyId) -> (usize, usize) {
    let untouched = |class: &&Arc<polc_plan::ClassPlan>| !class.key.policies.contains(&policy);
    let keys: Vec<_> = before.plan.classes.iter().filter(untouched).collect();
    let same = |class: &&&Arc<polc_plan::ClassPlan>| {
        before.program(&class.key) == after.program(&class.key)
    };
    (keys.iter().filter(same).count(), keys.len())
}

#[test]
fn a_changed_rule_changes_the_programs_of_its_policy_alone() {
    let mut touched = 0;
    for seed in 0..40 {
        let model = polc_testgen::Case::new(seed, &[]).model;
        let before = Bundle::compile(model.clone(), []).unwrap();
        let mut changed = model;
        let Some(rule) = changed.rules.first_mut() else {
            continue;
        };
        let policy = rule.policy;
        rule.l4 = polc_model::L4Match::Of(vec![polc_model::L4Term::Protocol(89)]);
        // Every other change also brings a selector and a named port that no rule had.
        if seed % 2 == 0 {
            let first = polc_model::SelectorId::new(changed.selectors.len());
            let expr = polc_model::SelectorExpr::Namespace("new".to_owned());
            let text = "namespace new".to_owned();
            changed.selectors.push(polc_model::Selector { expr, text });
            rule.peer = first;
            rule.l4 = polc_model::L4Match::Of(vec![polc_model::L4Term::NamedPort {
                protocol: polc_model::PortProtocol::Tcp,
                name: "a-new-one".to_owned(),
            }]);
        }
        let after = Bundle::compile(changed, []).unwrap();
        let (same, all) = unchanged(&before, &after, policy);
        assert_eq!(same, all, "seed {seed}");
        touched += usize::from(before.programs != after.programs);
    }
    assert!(touched > 20, "only {touched} changes changed a program");
}

#[test]
fn a_bundle_cut_anywhere_is_refused() {
    let bytes = bundle().encode().unwrap();
    for length in (0..bytes.len()).step_by(997) {
        Bundle::decode(bytes[..length].to_vec()).unwrap_err();
    }
    assert_eq!(
        Bundle::decode(bytes[..bytes.len() / 2].to_vec()),
        Err(BundleError::Truncated)
    );
}

#[test]
fn any_flipped_bit_is_refused() {
    let bytes = bundle().encode().unwrap();
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << (position % 8);
        assert!(
            Bundle::decode(flipped).is_err(),
            "bit {} of byte {position}",
            position % 8
        );
    }
}

/// A bundle as it is opened.
fn opened(bundle: &Bundle) -> Opened {
    Opened::read(&bundle.encode().unwrap().into()).unwrap()
}

#[test]
fn a_flipped_bit_is_refused_whatever_was_read_before() {
    let bundle = bundle();
    let (bytes, before) = (bundle.encode().unwrap(), opened(&bundle));
    for position in (0..bytes.len()).step_by(13) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << (position % 8);
        Opened::read_after(&flipped.into(), &before).unwrap_err();
    }
}

/// What a bundle after another is read as, which must be what it is read as alone.
fn read_after(before: &Bundle, after: &Bundle) -> Opened {
    let bytes = Bytes::from(after.encode().unwrap());
    let read = Opened::read_after(&bytes, &opened(before)).unwrap();
    assert_eq!(**read.bundle(), *after);
    assert_eq!(read.digest(), after.digest().unwrap());
    read
}

#[test]
fn a_bundle_is_the_same_whatever_was_read_before() {
    let bundles: Vec<Bundle> = (0..30)
        .map(|seed| Bundle::compile(polc_testgen::Case::new(seed, &[]).model, []).unwrap())
        .collect();
    for (before, after) in bundles.iter().zip(bundles.iter().skip(1)) {
        read_after(before, after);
        read_after(after, after);
    }
}

/// Changes elements of a Model: one in place of another, fewer, more, in another order.
fn changed(model: &Model, random: &mut fastrand::Rng) -> Model {
    let mut model = model.clone();
    for _ in 0..random.usize(1..4) {
        let rules = &mut model.rules;
        let (one, other) = (random.usize(..rules.len()), random.usize(..rules.len()));
        match random.u8(..6) {
            0 => rules[one].l4 = polc_model::L4Match::Any,
            1 => rules[one].origin.line = 7 + rules[one].origin.line * 10,
            2 if rules.len() > 1 => drop(rules.remove(one)),
            3 => {
                let mut copy = rules[one].clone();
                copy.origin.column += 1;
                rules.insert(one, copy);
            }
            4 => {
                (rules[one].action, rules[other].action) = (rules[other].action, rules[one].action)
            }
            _ => model.tests.clear(),
        }
    }
    model
}

#[test]
fn a_change_is_read_as_the_whole_is() {
    let mut random = fastrand::Rng::with_seed(7);
    for seed in 0..25 {
        let mut before = Bundle::compile(polc_testgen::Case::new(seed, &[]).model, []).unwrap();
        if before.model.rules.is_empty() {
            continue;
        }
        let mut read = opened(&before);
        // Each after the one before it: places in the text are right after a quick read, too.
        for _ in 0..6 {
            let model = changed(&before.model, &mut random);
            let after = Bundle::compile(model, []).unwrap();
            let bytes = Bytes::from(after.encode().unwrap());
            read = Opened::read_after(&bytes, &read).unwrap();
            assert_eq!(**read.bundle(), after, "seed {seed}");
            before = after;
        }
    }
}

/// A bundle with these texts in place of its Model and Plan, and the digests that belong to them.
fn with_texts(bundle: &Bundle, texts: [&[u8]; 2]) -> Bytes {
    let (_, _, mut entries) = bundle.parts().unwrap();
    for (entry, text) in entries.iter_mut().zip(texts) {
        entry.1 = Bytes::copy_from_slice(text);
    }
    let digests = entries.iter();
    let manifest = Manifest {
        format: FORMAT_VERSION,
        compiler: bundle.compiler.clone(),
        package: bundle.model.package.clone(),
        kernel: KERNEL.to_owned(),
        entries: digests
            .map(|(name, content)| (name.clone(), Digest::of(content).to_string()))
            .collect(),
    };
    let manifest = json(&manifest).unwrap();
    let digest = Digest::of(&manifest).to_string();
    archive::write(&digest, &manifest, &entries).unwrap().into()
}

/// Damages a text at one place: in ways that JSON forgives, and others.
fn damage(text: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = text.to_vec();
    let at = random.usize(..text.len());
    // Most of what could be taken for something else is next to punctuation.
    let next = text
        .iter()
        .skip(at)
        .position(|byte| b",:[]{}\"".contains(byte));
    let at = if random.bool() {
        at + next.unwrap_or(0)
    } else {
        at
    };
    let length = random.usize(1..40).min(text.len() - at);
    match random.u8(..7) {
        0 => text[at] = random.u8(..),
        1 => text[at] = b"0123456789,]}\""[random.usize(..14)],
        2 => text.insert(at, b' '),
        3 => text.insert(at, b"0,\n]["[random.usize(..5)]),
        4 => drop(text.drain(at..at + length)),
        5 => {
            let copy = text[at..at + length].to_vec();
            text.splice(at..at, copy);
        }
        _ => text.truncate(at),
    }
    text
}

#[test]
fn damaged_texts_are_refused_whatever_was_read_before() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut refused, mut all) = (0, 0);
    for seed in 0..12 {
        let bundle = Bundle::compile(polc_testgen::Case::new(seed, &[]).model, []).unwrap();
        let before = opened(&bundle);
        let texts = [json(&*bundle.model).unwrap(), json(&bundle.plan).unwrap()];
        assert_eq!(
            with_texts(&bundle, [&texts[0], &texts[1]]),
            bundle.encode().unwrap()
        );
        for round in 0..120 {
            let mut damaged = texts.clone();
            let which = &mut damaged[round % 2];
            *which = damage(which, &mut random);
            if damaged == texts {
                continue;
            }
            let bytes = with_texts(&bundle, [&damaged[0], &damaged[1]]);
            let alone = Opened::read(&bytes).map(Opened::into_bundle);
            let after = Opened::read_after(&bytes, &before).map(Opened::into_bundle);
            assert_eq!(alone, after, "seed {seed}, round {round}");
            if let Ok(read) = &alone {
                // Another bundle, such as one with another number: it is written as it was read.
                assert_eq!(read.encode().unwrap(), bytes, "seed {seed}, round {round}");
            }
            refused += usize::from(alone.is_err());
            all += 1;
        }
    }
    assert!(refused < all && refused > all / 2, "{refused} of {all}");
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let before = opened(&bundle());
    let mut model = Model::clone(&before.bundle().model);
    model.rules.first_mut().unwrap().l4 = polc_model::L4Match::Any;
    let after = Bundle::compile(model, []).unwrap();
    let after = Opened::read_after(&after.encode().unwrap().into(), &before).unwrap();
    let [before, after] = [&before, &after].map(|one| &one.bundle().plan.classes);
    let pairs = before.iter().zip(after);
    let shared = pairs.filter(|(one, other)| Arc::ptr_eq(one, other)).count();
    assert!(shared > 0 && shared < before.len(), "{shared} classes");
}

#[test]
fn another_format_is_named() {
    let bundle = bundle();
    let (_, manifest, entries) = bundle.parts().unwrap();
    let manifest = String::from_utf8(manifest).unwrap();
    let with = |format: &str| {
        let written = format!("\"format\":{FORMAT_VERSION}");
        let manifest = manifest.replace(&written, format);
        let digest = Digest::of(manifest.as_bytes()).to_string();
        let bytes = archive::write(&digest, manifest.as_bytes(), &entries).unwrap();
        Bundle::decode(bytes).map(drop)
    };
    assert_eq!(with("\"format\":9"), Err(BundleError::TooNew(9)));
    // Whatever else it holds.
    let unknown = with("\"format\":9, \"colour\": \"green\"");
    assert_eq!(unknown, Err(BundleError::TooNew(9)));
    assert_eq!(with("\"format\":1"), Err(BundleError::TooOld(1)));
}

#[test]
fn a_plan_that_does_not_know_a_named_port_is_refused() {
    let models = (0..).map(|seed| polc_testgen::Case::new(seed, &[]).model);
    let mut bundles = models.map(|model| Bundle::compile(model, []).unwrap());
    let named = |class: &Arc<polc_plan::ClassPlan>| !class.layout.names.is_empty();
    let mut bundle = bundles
        .find(|bundle| bundle.plan.classes.iter().any(named))
        .unwrap();
    let class = bundle.plan.classes.iter_mut().find(|class| named(class));
    Arc::make_mut(class.unwrap()).layout.names.pop();
    let refused = Bundle::decode(bundle.encode().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("named ports"), "{refused}");
}

#[test]
fn what_is_no_bundle_is_named_so() {
    assert_eq!(
        Bundle::decode(b"hello".as_slice()),
        Err(BundleError::NotABundle)
    );
    assert_eq!(Bundle::decode(b"".as_slice()), Err(BundleError::NotABundle));
}
