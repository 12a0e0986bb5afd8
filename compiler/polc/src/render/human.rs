//! Diagnostics with their source, for people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use codespan_reporting::{
    diagnostic::{Diagnostic as Rendered, Label as RenderedLabel, LabelStyle, Severity as Level},
    files::SimpleFiles,
    term::{self, Config, termcolor::Ansi},
};
use miette::{GraphicalReportHandler, GraphicalTheme};
use polc_diagnostics::{Diagnostic, Label, Severity};

use crate::{operational::OperationalError, package::LoadedPackage};

pub(super) fn write(text: &mut Vec<u8>, package: &LoadedPackage, diagnostics: &[Diagnostic]) {
    let mut files = SimpleFiles::new();
    let mut ids = BTreeMap::new();
    for (path, source) in package.sources() {
        ids.insert(path, files.add(package.display_path(path), source));
    }
    let config = Config::default();
    let mut ansi = Ansi::new(text);
    for diagnostic in diagnostics {
        let rendered = rendered(diagnostic, &ids);
        if term::emit_to_write_style(&mut ansi, &config, &files, &rendered).is_err() {
            // A place outside its file; the headline is still worth something.
            let _ = writeln!(ansi, "{}: {}", diagnostic.code, diagnostic.headline);
        }
    }
}

fn rendered(diagnostic: &Diagnostic, ids: &BTreeMap<&str, usize>) -> Rendered<usize> {
    let level = match diagnostic.severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
    };
    let label = |style, label: &Label| {
        let place = &label.place;
        let range = place.range.start as usize..place.range.end as usize;
        ids.get(&*place.file)
            .map(|id| RenderedLabel::new(style, *id, range).with_message(&label.message))
    };
    let primary = label(LabelStyle::Primary, &diagnostic.primary);
    let secondary = diagnostic
        .secondary
        .iter()
        .filter_map(|secondary| label(LabelStyle::Secondary, secondary));
    let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
    let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
    Rendered::new(level)
        .with_code(diagnostic.code)
        .with_message(&diagnostic.headline)
        .with_labels(primary.into_iter().chain(secondary).collect())
        .with_notes(help.chain(notes).collect())
}

pub(super) fn operational(text: &mut Vec<u8>, error: &OperationalError) -> io::Result<()> {
    let mut rendered = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode());
    handler
        .render_report(&mut rendered, error)
        .map_err(io::Error::other)?;
    if !text.is_empty() {
        text.push(b'\n');
    }
    text.write_all(rendered.trim_matches('\n').as_bytes())?;
    text.push(b'\n');
    Ok(())
}
