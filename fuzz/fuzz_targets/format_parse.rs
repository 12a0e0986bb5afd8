//! A formatted package means what it meant. Packages with errors mean nothing yet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use polc_model::Model;

fuzz_target!(|text: &str| {
    let (Ok(formatted), Some(before)) = (polc_format::format(text), meaning(text)) else {
        return;
    };
    assert_eq!(meaning(&formatted), Some(before), "{formatted}");
});

/// What a package of one file means. `None` when there are errors.
fn meaning(text: &str) -> Option<Model> {
    let mut database = polc_frontend::Database::default();
    database.set_file("a.pol", text);
    let analysis = database.analyze();
    if analysis.has_errors() {
        return None;
    }
    Some(analysis.model.without_sources())
}
