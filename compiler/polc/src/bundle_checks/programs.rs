//! Are the programs what this compiler makes of the Model? Compiles it again and compares bytes.
//! Where another version compiled the bundle, a difference is no fault, only worth knowing.

use polc_bundle::{Bundle, COMPILER_VERSION};
use polc_model::Model;

use super::{Check, Verdict};
use crate::command::{class_name, count};

pub(super) const NAME: &str = "programs";

pub(super) fn check(bundle: &Bundle) -> Check {
    let keys = bundle.plan.classes.iter().map(|class| class.key.clone());
    let again = match Bundle::compile(Model::clone(&bundle.model), keys) {
        Ok(again) => again,
        Err(cause) => {
            let detail = format!("polc {COMPILER_VERSION} does not compile its Model: {cause}");
            return Check::new(NAME, Verdict::Failed, detail);
        }
    };
    let findings = differences(bundle, &again);
    let programs = count(bundle.programs.len(), "program");
    if findings.is_empty() {
        let detail = format!("{programs}, each as polc {COMPILER_VERSION} compiles it");
        return Check::new(NAME, Verdict::Passed, detail);
    }
    let (verdict, why) = if bundle.compiler == COMPILER_VERSION {
        (Verdict::Failed, "and yet they differ")
    } else {
        (Verdict::Noted, "so they may differ")
    };
    let detail = format!(
        "{programs}, compiled by polc {}; this is polc {COMPILER_VERSION}, {why}",
        bundle.compiler
    );
    Check {
        findings,
        ..Check::new(NAME, verdict, detail)
    }
}

fn differences(bundle: &Bundle, again: &Bundle) -> Vec<String> {
    let mut found = Vec::new();
    for (class, program) in bundle.plan.classes.iter().zip(&bundle.programs) {
        let name = class_name(&bundle.model, &class.key);
        if again.plan.class(&class.key) != Some(class) {
            found.push(format!("{name}: planned differently"));
        }
        if again.program(&class.key) != Some(program) {
            found.push(format!("{name}: another program"));
        }
    }
    let missing = again
        .plan
        .classes
        .iter()
        .filter(|class| bundle.plan.class(&class.key).is_none());
    found.extend(missing.map(|class| {
        let name = class_name(&bundle.model, &class.key);
        format!("{name}: missing")
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        Bundle::compile(Model::default(), []).unwrap()
    }

    #[test]
    fn another_program_of_the_same_compiler_is_a_fault() {
        let mut bundle = bundle();
        assert_eq!(check(&bundle).verdict, Verdict::Passed);
        bundle.programs[0] = b"another".as_slice().into();
        let found = check(&bundle);
        assert_eq!(found.verdict, Verdict::Failed);
        assert_eq!(found.findings, ["ingress of no policy: another program"]);
    }

    #[test]
    fn another_program_of_another_compiler_is_worth_knowing() {
        let mut bundle = bundle();
        bundle.compiler = "0.0.1".to_owned();
        assert_eq!(check(&bundle).verdict, Verdict::Passed);
        bundle.programs[0] = b"another".as_slice().into();
        let found = check(&bundle);
        assert_eq!(found.verdict, Verdict::Noted);
        assert!(found.detail.contains("polc 0.0.1"), "{}", found.detail);
    }

    #[test]
    fn a_class_that_is_missing_is_a_fault() {
        let mut bundle = bundle();
        bundle.plan.classes.pop();
        bundle.programs.pop();
        assert_eq!(check(&bundle).findings, ["egress of no policy: missing"]);
    }
}
