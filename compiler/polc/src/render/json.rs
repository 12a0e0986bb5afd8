//! Diagnostics for programs: a JSON array of objects.
//!
//! ```json
//! {
//!   "code": "P0101",
//!   "severity": "error",
//!   "message": "unknown peers `crat`",
//!   "file": "shop/web.pol",
//!   "start": { "line": 7, "column": 16, "offset": 131 },
//!   "end": { "line": 7, "column": 20, "offset": 135 },
//!   "label": "nothing in this package has this name",
//!   "related": [{ "file": "…", "start": {}, "end": {}, "message": "…" }],
//!   "help": "did you mean `cart`?",
//!   "notes": [],
//!   "fix": { "file": "…", "start": {}, "end": {}, "replacement": "cart" }
//! }
//! ```
//!
//! Lines and columns count from 1, columns in characters; offsets are bytes from 0. `help` and
//! `fix` are `null` where there is none. Fields may be added, never removed or renamed.

use polc_diagnostics::{Diagnostic, Place};
use serde::Serialize;

use crate::package::LoadedPackage;

/// One diagnostic.
#[derive(Serialize)]
pub(crate) struct Finding {
    code: String,
    severity: &'static str,
    message: String,
    #[serde(flatten)]
    place: JsonPlace,
    label: String,
    related: Vec<Related>,
    help: Option<String>,
    notes: Vec<String>,
    fix: Option<JsonFix>,
}

#[derive(Serialize)]
struct JsonPlace {
    file: String,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    offset: u32,
}

#[derive(Serialize)]
struct Related {
    #[serde(flatten)]
    place: JsonPlace,
    message: String,
}

#[derive(Serialize)]
struct JsonFix {
    #[serde(flatten)]
    place: JsonPlace,
    replacement: String,
}

/// Diagnostics of one package.
pub(crate) fn findings(package: &LoadedPackage, diagnostics: &[Diagnostic]) -> Vec<Finding> {
    let place = |place: &Place| JsonPlace {
        file: package.display_path(&place.file),
        start: position(package, &place.file, place.range.start),
        end: position(package, &place.file, place.range.end),
    };
    diagnostics
        .iter()
        .map(|diagnostic| Finding {
            code: diagnostic.code.to_string(),
            severity: diagnostic.severity.name(),
            message: diagnostic.headline.clone(),
            place: place(&diagnostic.primary.place),
            label: diagnostic.primary.message.clone(),
            related: diagnostic
                .secondary
                .iter()
                .map(|label| Related {
                    place: place(&label.place),
                    message: label.message.clone(),
                })
                .collect(),
            help: diagnostic.help.clone(),
            notes: diagnostic.notes.clone(),
            fix: diagnostic.fix.as_ref().map(|fix| JsonFix {
                place: place(&fix.place),
                replacement: fix.replacement.clone(),
            }),
        })
        .collect()
}

fn position(package: &LoadedPackage, file: &str, offset: u32) -> Position {
    let (line, column) = package.position_at(file, offset);
    Position {
        line,
        column,
        offset,
    }
}

/// Writes a value, and a newline for terminals.
pub(crate) fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    let written = serde_json::to_writer_pretty(&mut *text, value);
    debug_assert!(written.is_ok(), "plain data always serialises");
    text.push(b'\n');
}
