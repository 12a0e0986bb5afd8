//! Running other programs, with errors that say what was run.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What went wrong, in words for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) fn error<T>(message: impl Into<String>) -> Result<T> {
    Err(Error(message.into()))
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// The workspace's target directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Says what is about to happen, and why.
pub(crate) fn say(what: impl fmt::Display) {
    eprintln!("xtask: {what}");
}

/// The Cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs to the end, with our own output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|cause| cannot_run(command, &cause))?;
    if status.success() {
        Ok(())
    } else {
        error(format!("`{}` failed: {status}", shown(command)))
    }
}

/// Runs to the end and returns what was printed, without the last line break.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| cannot_run(command, &cause))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return error(format!("`{}` failed: {}", shown(command), text.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// Whether a program runs and is content.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// `PATH` with these directories in front.
pub(crate) fn path_with(first: &[&Path]) -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = first
        .iter()
        .map(|path| path.to_path_buf())
        .chain(std::env::split_paths(&rest));
    std::env::join_paths(all).unwrap_or(rest)
}

fn cannot_run(command: &Command, cause: &std::io::Error) -> Error {
    Error(format!("cannot run `{}`: {cause}", shown(command)))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Shows how far a long job is, where a person watches.
pub(crate) fn progress(done: usize, all: usize, what: &str) {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{done}/{all} {what}");
        if done == all {
            eprint!("\r\x1b[K");
        }
    }
}
