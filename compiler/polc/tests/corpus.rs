//! What the fuzz targets of `fuzz/` say of every text, on the texts that they found worth keeping.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

use std::{fs, path::Path};

use polc_frontend::Database;
use polc_model::Model;

/// Texts by name, in order.
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut texts: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    texts.sort();
    texts
}

/// What a package of one file means. `None` when there are errors.
fn meaning(text: &str) -> Option<Model> {
    let mut database = Database::default();
    database.set_file("a.pol", text);
    let analysis = database.analyze();
    assert_eq!(polc_model::validate::validate(&analysis.model), Ok(()));
    if analysis.has_errors() {
        return None;
    }
    let context = polc_lint::Context::new(&database, &analysis.model);
    let _ = polc_lint::run(&context, &analysis.lint_levels);
    Some(analysis.model.without_sources())
}

#[test]
fn every_text_of_the_corpus_is_understood_and_formatted() {
    let texts = corpus();
    assert!(texts.len() > 100, "only {} texts", texts.len());
    for (name, text) in texts {
        for error in polc_syntax::parse(&text).errors {
            assert!(text.get(error.span.range()).is_some(), "{name}: {error:?}");
        }
        let before = meaning(&text);
        let Ok(formatted) = polc_format::format(&text) else {
            continue;
        };
        assert_eq!(
            polc_format::format(&formatted).unwrap(),
            formatted,
            "{name}"
        );
        if before.is_some() {
            assert_eq!(meaning(&formatted), before, "{name}\n{formatted}");
        }
    }
}
