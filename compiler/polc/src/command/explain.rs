//! `polc explain`: what a code means, with a wrong example and a right one.

use std::fmt::Write as _;

use polc_diagnostics::{Code, suggest::closest};
use polc_lint::Lint;
use serde::Serialize;

use super::finish;
use crate::{
    cli::{ExplainArguments, Format},
    operational::OperationalError,
    output::Outcome,
    render::{json, page},
};

/// Shows the page of a code or a lint, or the list of all.
pub(crate) fn run(arguments: &ExplainArguments) -> Outcome {
    let format = arguments.format;
    let codes: Vec<Code> = match &arguments.what {
        None => Code::ALL.to_vec(),
        Some(what) => match find(what) {
            Some(code) => vec![code],
            None => return finish(&[], &[unknown(what)], format, Outcome::CouldNotRun),
        },
    };
    let mut text = Vec::new();
    match (format, &arguments.what, &codes[..]) {
        (Format::Json, ..) => {
            json::write(
                &mut text,
                &codes.iter().copied().map(Entry::of).collect::<Vec<_>>(),
            );
        }
        (_, Some(_), [code]) => text.extend_from_slice(page::render(code.page()).as_bytes()),
        _ => text.extend_from_slice(list(&codes).as_bytes()),
    }
    finish(&text, &[], format, Outcome::Fine)
}

/// A code by its number, or a lint by its name.
fn find(what: &str) -> Option<Code> {
    Code::parse(what).or_else(|| polc_lint::by_name(what).map(|lint| lint.code))
}

fn unknown(what: &str) -> OperationalError {
    let codes: Vec<String> = Code::ALL.iter().map(Code::to_string).collect();
    let lints = polc_lint::ALL.iter().map(|lint| lint.name);
    let near = closest(what, codes.iter().map(String::as_str).chain(lints));
    OperationalError::UnknownCode {
        what: what.to_owned(),
        help: near.map_or_else(
            || "`polc explain` lists the codes and lints".to_owned(),
            |near| format!("did you mean `{near}`? `polc explain` lists all"),
        ),
    }
}

fn lint_of(code: Code) -> Option<&'static Lint> {
    polc_lint::ALL.iter().find(|lint| lint.code == code)
}

fn list(codes: &[Code]) -> String {
    let mut text = String::new();
    for code in codes {
        let name = lint_of(*code).map_or(String::new(), |lint| format!(" ({})", lint.name));
        let _ = writeln!(text, "{code}  {}{name}", code.summary());
    }
    text
}

/// One code, as `--format json` lists it.
#[derive(Serialize)]
struct Entry {
    code: String,
    severity: &'static str,
    summary: &'static str,
    /// The name of the lint, where it is one.
    lint: Option<&'static str>,
    /// The page, in Markdown.
    page: &'static str,
}

impl Entry {
    fn of(code: Code) -> Self {
        Self {
            code: code.to_string(),
            severity: code.severity().name(),
            summary: code.summary(),
            lint: lint_of(code).map(|lint| lint.name),
            page: code.page(),
        }
    }
}
