//! `polc fmt`: lay out files in the one style.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use similar::TextDiff;

use super::{count, finish};
use crate::{
    cli::{FmtArguments, Format},
    files,
    operational::OperationalError,
    output::Outcome,
    package,
};

/// Formats files in place, or standard input to standard output.
pub(crate) fn run(arguments: &FmtArguments) -> Outcome {
    if arguments.stdin || arguments.paths == [PathBuf::from("-")] {
        return standard_input(arguments);
    }
    let (paths, mut errors) = package::files(&arguments.paths);
    let mut text = String::new();
    let mut changed = 0;
    for path in &paths {
        match file(path, arguments.check) {
            Ok(None) => {}
            Ok(Some(said)) => {
                changed += 1;
                text.push_str(&said);
            }
            Err(error) => errors.push(error),
        }
    }
    let what = if arguments.check {
        "would change"
    } else {
        "changed"
    };
    if !paths.is_empty() {
        text.push_str(&format!(
            "{changed} of {} {what}\n",
            count(paths.len(), "file")
        ));
    }
    let outcome = match (arguments.check, changed) {
        (true, 1..) => Outcome::Findings,
        _ => Outcome::Fine,
    };
    finish(text.as_bytes(), &errors, Format::Human, outcome)
}

/// Formats one file. What there is to say about it, if it changes: with `check` the difference,
/// and nothing is written.
fn file(path: &Path, check: bool) -> Result<Option<String>, OperationalError> {
    let text = files::read_text(path)?;
    let formatted = format(path, &text)?;
    if formatted == text {
        return Ok(None);
    }
    if check {
        return Ok(Some(difference(path, &text, &formatted)));
    }
    files::replace(path, formatted.as_bytes())?;
    Ok(Some(format!("formatted {}\n", path.display())))
}

fn standard_input(arguments: &FmtArguments) -> Outcome {
    let name = Path::new("standard input");
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    let formatted = read
        .map_err(|source| OperationalError::Unreadable {
            path: name.to_owned(),
            source,
        })
        .and_then(|_| files::as_text(name, bytes))
        .and_then(|text| Ok((format(name, &text)?, text)));
    match formatted {
        Err(error) => finish(&[], &[error], Format::Human, Outcome::CouldNotRun),
        Ok((formatted, text)) if arguments.check && formatted != text => {
            let said = difference(name, &text, &formatted);
            finish(said.as_bytes(), &[], Format::Human, Outcome::Findings)
        }
        Ok(_) if arguments.check => Outcome::Fine,
        Ok((formatted, _)) => finish(formatted.as_bytes(), &[], Format::Human, Outcome::Fine),
    }
}

fn format(path: &Path, text: &str) -> Result<String, OperationalError> {
    polc_format::format(text).map_err(|cause| OperationalError::Unbalanced {
        path: path.to_owned(),
        cause,
    })
}

fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff()
        .header(&name, &format!("{name}, formatted"))
        .to_string()
}
