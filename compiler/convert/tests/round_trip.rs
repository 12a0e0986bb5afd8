//! What is written means what it was written from.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "examples are read from files, and a test that panics fails"
)]

use std::{fs, path::Path};

use polc_convert::{
    Comments, difference,
    kubernetes::{self, Kind},
    pol,
};
use polc_diagnostics::{Code, Severity};
use polc_frontend::{Analysis, Database};
use polc_model::{
    DEFAULT_PRIORITY, Direction, Enforcement, Isolation, Model, PolicyId, Rule, Selector,
    SelectorExpr, SelectorId, Tier,
};

fn analyze(files: &[(String, String)]) -> Analysis {
    let mut database = Database::default();
    for (path, text) in files {
        database.set_file(path, text.as_str());
    }
    database.set_name("example");
    database.analyze()
}

/// Writes a Model and reads what was written.
fn again(model: &Model) -> (String, Analysis) {
    let text = pol::write(model, &Comments::default()).unwrap();
    let read = analyze(&[("again.pol".to_owned(), text.clone())]);
    (text, read)
}

#[test]
fn random_policies_survive() {
    // A Model can hold what the language takes for a mistake.
    let mistakes = [Code::NoEffect, Code::ExceptionOutside, Code::EmptySet];
    let mut survived = 0;
    for seed in 0..400 {
        let model = polc_testgen::Case::new(seed, &[]).model;
        let (text, read) = again(&model);
        let mut errors = read.diagnostics.iter().map(|one| one.code);
        if errors.any(|code| mistakes.contains(&code)) {
            continue;
        }
        assert!(!read.has_errors(), "{text}\n{:#?}", read.diagnostics);
        assert_eq!(difference(&model, &read.model), None, "{seed}\n{text}");
        survived += 1;
    }
    assert!(survived > 200, "{survived}");
}

#[test]
fn the_examples_survive() {
    for example in ["shop", "sketch"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/examples");
        let entries = fs::read_dir(root.join(example)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.extension().is_some_and(|of| of == "pol"));
        let files: Vec<(String, String)> = paths
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(&path).unwrap())
            })
            .collect();
        let model = analyze(&files).model;
        assert!(model.policies.len() > 3);
        let (text, read) = again(&model);
        assert!(!read.has_errors(), "{text}\n{:#?}", read.diagnostics);
        assert_eq!(difference(&model, &read.model), None, "{text}");
    }
}

#[test]
fn differences_are_found() {
    let model = polc_testgen::Case::new(1, &[]).model;
    let mut other = model.clone();
    other.rules.pop().unwrap();
    assert_eq!(difference(&model, &model), None);
    assert!(difference(&model, &other).is_some());
    let mut other = model.clone();
    other.policies.first_mut().unwrap().priority += 1;
    assert!(difference(&model, &other).is_some());
}

#[test]
fn what_kubernetes_objects_can_say_survives_there() {
    for kind in [Kind::NetworkPolicy, Kind::Cilium] {
        let (mut survived, mut seen) = (0, 0);
        for seed in 0..300 {
            let model = polc_testgen::Case::new(seed, &[]).model;
            // Most policies hold something that objects cannot say: one rule is tried at a time.
            for rule in &model.rules {
                let one = alone(&model, rule);
                seen += 1;
                let Ok(objects) = kubernetes::write(&one, kind) else {
                    continue;
                };
                let read = analyze(&[("again.yaml".to_owned(), objects.text.clone())]);
                let errors = read.diagnostics.iter();
                let mut errors = errors.filter(|one| one.severity == Severity::Error);
                // A Model can hold exceptions that the API server refuses.
                let mistakes = [Code::ExceptionOutside, Code::EmptySet];
                if errors.clone().any(|one| mistakes.contains(&one.code)) {
                    continue;
                }
                assert_eq!(errors.next(), None, "{seed}\n{}", objects.text);
                let difference = difference(&objects.model, &read.model);
                assert_eq!(difference, None, "{seed}\n{}", objects.text);
                survived += 1;
            }
        }
        assert!(survived * 10 > seen, "{kind:?}: {survived} of {seen}");
    }
}

/// A Model with this rule, in a policy for endpoints of a namespace.
fn alone(model: &Model, rule: &Rule) -> Model {
    let mut one = model.clone();
    let mut policy = model.policy(rule.policy).unwrap().clone();
    one.selectors.push(Selector {
        expr: SelectorExpr::Namespace("shop".to_owned()),
        text: String::new(),
    });
    policy.subject = SelectorId::new(one.selectors.len() - 1);
    policy.tier = Tier::Normal;
    policy.priority = DEFAULT_PRIORITY;
    policy.enforcement = Enforcement::Enforce;
    let isolates = |direction| (direction == rule.direction).then_some(Isolation::Isolates);
    policy.ingress = isolates(Direction::Ingress);
    policy.egress = isolates(Direction::Egress);
    let mut rule = rule.clone();
    rule.policy = PolicyId::new(0);
    one.policies = vec![policy];
    one.rules = vec![rule];
    one
}
