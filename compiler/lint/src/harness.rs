//! Testing a lint in three lines: a source, and the places that it names.

use polc_frontend::Database;

use crate::{Context, Findings, Lint};

/// A package of one file.
pub(crate) fn database(source: &str) -> Database {
    let mut database = Database::default();
    database.set_file("p.pol", source);
    database
}

/// Runs one lint on a source that must have no errors and returns `LINE: HEADLINE` for each
/// finding. `package p` is put before the source, on a line that does not count.
pub(crate) fn findings(lint: &'static Lint, source: &str) -> Vec<String> {
    let source = format!("package p\n{source}");
    let database = database(&source);
    let analysis = database.analyze();
    assert!(!analysis.has_errors(), "{:#?}", analysis.diagnostics);
    let context = Context::new(&database, &analysis.model);
    let mut found = Findings::new(lint);
    (lint.check)(&context, &mut found);
    let line = |offset: u32| {
        source.as_bytes()[..offset as usize]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
    };
    found
        .into_diagnostics()
        .iter()
        .map(|one| format!("{}: {}", line(one.primary.place.range.start), one.headline))
        .collect()
}

/// As [`findings`], for a lint that must stay silent.
#[track_caller]
pub(crate) fn silent(lint: &'static Lint, source: &str) {
    assert_eq!(findings(lint, source), Vec::<String>::new());
}

/// Applies the first fix that the lint offers.
pub(crate) fn fixed(lint: &'static Lint, source: &str) -> String {
    let source = format!("package p\n{source}");
    let database = database(&source);
    let analysis = database.analyze();
    let context = Context::new(&database, &analysis.model);
    let mut found = Findings::new(lint);
    (lint.check)(&context, &mut found);
    let diagnostics = found.into_diagnostics();
    let fix = diagnostics
        .iter()
        .find_map(|one| one.fix.as_ref())
        .expect("a fix");
    let mut fixed = source.clone();
    let range = fix.place.range.start as usize..fix.place.range.end as usize;
    fixed.replace_range(range, &fix.replacement);
    fixed.strip_prefix("package p\n").unwrap().to_owned()
}
