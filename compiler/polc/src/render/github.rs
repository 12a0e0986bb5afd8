//! Diagnostics as workflow commands, which GitHub shows beside the changed lines.

use polc_diagnostics::{Diagnostic, Severity};

use crate::package::LoadedPackage;

pub(super) fn write(text: &mut Vec<u8>, package: &LoadedPackage, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let place = &diagnostic.primary.place;
        let (line, column) = package.position_at(&place.file, place.range.start);
        let (end_line, end_column) = package.position_at(&place.file, place.range.end);
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut message = diagnostic.headline.clone();
        if let Some(help) = &diagnostic.help {
            message.push_str(&format!("\nhelp: {help}"));
        }
        let rendered = format!(
            "::{command} file={},line={line},endLine={end_line},col={column},\
             endColumn={end_column},title={}::{}\n",
            property(&package.display_path(&place.file)),
            diagnostic.code,
            data(&message),
        );
        text.extend_from_slice(rendered.as_bytes());
    }
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property, which also ends at `,` and `:`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
