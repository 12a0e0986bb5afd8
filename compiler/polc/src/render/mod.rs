//! From diagnostics to text. Renderers know diagnostics and sources, and nothing of the compiler.

mod github;
mod human;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod page;
mod plain;
mod sarif;

use std::io::Write;

use polc_diagnostics::Diagnostic;

use crate::{
    cli::{CheckFormat, Format},
    operational::OperationalError,
    package::LoadedPackage,
};

/// The diagnostics of all packages.
pub(crate) fn packages(packages: &[LoadedPackage], format: CheckFormat) -> Vec<u8> {
    let mut text = Vec::new();
    let each = packages
        .iter()
        .map(|package| (package, package.diagnostics()));
    match format {
        CheckFormat::Human => each.for_each(|(package, all)| human::write(&mut text, package, all)),
        CheckFormat::Plain => each.for_each(|(package, all)| plain::write(&mut text, package, all)),
        CheckFormat::Github => {
            each.for_each(|(package, all)| github::write(&mut text, package, all));
        }
        CheckFormat::Sarif => sarif::write(&mut text, packages),
        CheckFormat::Json => {
            let all: Vec<json::Finding> = each
                .flat_map(|(package, all)| json::findings(package, all))
                .collect();
            json::write(&mut text, &all);
        }
    }
    text
}

/// Diagnostics of one package, for people or as lines.
pub(crate) fn diagnostics(
    text: &mut Vec<u8>,
    package: &LoadedPackage,
    diagnostics: &[Diagnostic],
    format: Format,
) {
    match format {
        Format::Human => human::write(text, package, diagnostics),
        Format::Plain | Format::Json => plain::write(text, package, diagnostics),
    }
}

/// An error that kept us from our work.
pub(crate) fn operational(text: &mut Vec<u8>, error: &OperationalError, format: Format) {
    let written = match format {
        Format::Human => human::operational(text, error),
        Format::Plain | Format::Json => plain::operational(text, error),
    };
    // Writing to memory does not fail.
    debug_assert!(written.is_ok(), "writing to memory failed");
    let _ = text.flush();
}
