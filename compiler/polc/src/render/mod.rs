//! From diagnostics to text. Renderers know diagnostics and sources, and nothing of the compiler.

mod human;
pub(crate) mod json;
mod plain;

use std::io::Write;

use polc_diagnostics::Diagnostic;

use crate::{cli::Format, operational::OperationalError, package::LoadedPackage};

/// The diagnostics of all packages.
pub(crate) fn packages(packages: &[LoadedPackage], format: Format) -> Vec<u8> {
    let mut text = Vec::new();
    match format {
        Format::Human | Format::Plain => {
            for package in packages {
                diagnostics(&mut text, package, package.diagnostics(), format);
            }
        }
        Format::Json => {
            let all: Vec<json::Finding> = packages
                .iter()
                .flat_map(|package| json::findings(package, package.diagnostics()))
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
