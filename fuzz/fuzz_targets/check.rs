//! Checking, with every lint, never panics; a package without errors has a valid Model.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut database = polc_frontend::Database::default();
    database.set_file("a.pol", text);
    let analysis = database.analyze();
    assert_eq!(polc_model::validate::validate(&analysis.model), Ok(()));
    if !analysis.has_errors() {
        let context = polc_lint::Context::new(&database, &analysis.model);
        let _ = polc_lint::run(&context, &analysis.lint_levels);
    }
});
