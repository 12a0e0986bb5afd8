//! From source text to a Model, diagnostics and a bundle.

use polc_bundle::Bundle;
use polc_frontend::Database;

use crate::{
    package,
    statistics::{peak_memory, row},
};

pub(crate) fn run() {
    let files = package::files();
    let read = || {
        let mut database = Database::default();
        for (path, text) in &files {
            database.set_file(path, text.as_str());
        }
        database
    };
    let rules = package::FILES * 10;
    println!("{} files, {rules} rules", files.len());
    row(
        "  check, cold: analysis and lints",
        11,
        "300 ms",
        read,
        |database| {
            let analysis = database.analyze();
            let context = polc_lint::Context::new(database, &analysis.model);
            let _ = polc_lint::run(&context, &analysis.lint_levels);
        },
    );
    row("  analysis alone, cold", 11, "", read, |database| {
        let _ = database.analyze();
    });
    row(
        "  parsing alone",
        11,
        "",
        || (),
        |()| {
            for (_, text) in &files {
                let _ = polc_syntax::parse(text);
            }
        },
    );
    let formatted = files.iter().map(|(_, text)| text.as_str());
    row(
        "  formatting alone",
        11,
        "",
        || formatted.clone(),
        |texts| texts.for_each(|text| drop(polc_format::format(text))),
    );

    let mut database = read();
    let _ = database.analyze();
    let mut edits = 0;
    let mut edit = |database: &mut Database| {
        edits += 1;
        let Some((path, text)) = files.get(500) else {
            return;
        };
        database.set_file(path, format!("{text}// edit {edits}\n"));
    };
    row(
        "  one file edited: its diagnostics",
        51,
        "5 ms",
        || (),
        |()| {
            edit(&mut database);
            let _ = database.diagnostics();
        },
    );
    row(
        "  one file edited: the whole Model",
        11,
        "",
        || (),
        |()| {
            edit(&mut database);
            let _ = database.analyze();
        },
    );

    let model = database.analyze().model;
    row(
        "  plan, generate and write the bundle",
        5,
        "1000 ms",
        || model.clone(),
        |model| {
            let bundle = Bundle::compile(std::mem::take(model), []);
            let _ = bundle.map(|bundle| bundle.encode());
        },
    );
    if let Some(peak) = peak_memory() {
        println!(
            "{:44} {:>10} {:>10} {:>10}",
            "  memory at its peak",
            format!("{peak} MiB"),
            "",
            "300 MiB"
        );
    }
}
