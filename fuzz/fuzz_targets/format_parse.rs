//! A formatted package means what it meant. Packages with errors mean nothing yet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use polc_model::{Model, Origin};

fuzz_target!(|text: &str| {
    let (Ok(formatted), Some(before)) = (polc_format::format(text), meaning(text)) else {
        return;
    };
    assert_eq!(meaning(&formatted), Some(before), "{formatted}");
});

/// The Model without places and source texts. `None` when there are errors.
fn meaning(text: &str) -> Option<Model> {
    let mut database = polc_frontend::Database::default();
    database.set_file("a.pol", text);
    let analysis = database.analyze();
    if analysis.has_errors() {
        return None;
    }
    let mut model = analysis.model;
    for policy in &mut model.policies {
        policy.origin = Origin::default();
    }
    for rule in &mut model.rules {
        rule.origin = Origin::default();
    }
    for selector in &mut model.selectors {
        selector.text.clear();
    }
    for test in &mut model.tests {
        test.origin = Origin::default();
        test.checks.iter_mut().for_each(|check| check.origin = Origin::default());
        test.endpoints.iter_mut().for_each(|endpoint| endpoint.origin = Origin::default());
    }
    Some(model)
}
