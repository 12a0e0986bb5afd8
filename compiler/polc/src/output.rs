//! Standard output and error, with colour where a terminal shows it, and without a panic where
//! nobody reads.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing was found.
    Fine,
    /// There are findings.
    Findings,
    /// The work could not be done.
    CouldNotRun,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Fine => 0,
            Outcome::Findings => 1,
            Outcome::CouldNotRun => 2,
        })
    }
}

/// Writes text with ANSI colours to standard output; they are left out where they would not be
/// shown. A reader that went away is no error: it has what it wanted.
pub(crate) fn write_out(text: &[u8]) -> io::Result<()> {
    finish(&mut anstream::stdout().lock(), text)
}

/// Writes text with ANSI colours to standard error.
pub(crate) fn write_error(text: &[u8]) -> io::Result<()> {
    finish(&mut anstream::stderr().lock(), text)
}

/// Writes plain text to standard output while it is made: it may be larger than memory.
pub(crate) fn stream(make: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    unless_gone(make(&mut out).and_then(|()| out.flush()))
}

fn finish(stream: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    unless_gone(stream.write_all(text).and_then(|()| stream.flush()))
}

fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
