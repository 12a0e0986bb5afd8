//! One line for each diagnostic: `file:line:column: severity[code]: message`.

use std::io::{self, Write};

use miette::Diagnostic as _;
use polc_diagnostics::Diagnostic;

use crate::{operational::OperationalError, package::LoadedPackage};

pub(super) fn write(text: &mut Vec<u8>, package: &LoadedPackage, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let place = &diagnostic.primary.place;
        let (line, column) = package.position(place);
        let rendered = format!(
            "{}:{line}:{column}: {}[{}]: {}\n",
            package.display_path(&place.file),
            diagnostic.severity.name(),
            diagnostic.code,
            diagnostic.headline,
        );
        text.extend_from_slice(rendered.as_bytes());
    }
}

pub(super) fn operational(text: &mut Vec<u8>, error: &OperationalError) -> io::Result<()> {
    write!(text, "error")?;
    if let Some(code) = error.code() {
        write!(text, "[{code}]")?;
    }
    write!(text, ": {error}")?;
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(text, ": {cause}")?;
        source = cause.source();
    }
    writeln!(text)
}
