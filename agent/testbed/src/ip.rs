//! Calling `ip` from iproute2.

use std::{
    io::{self, Write as _},
    process::{Command, Stdio},
};

/// Runs `ip` with these arguments.
pub(crate) fn ip(arguments: &[&str]) -> io::Result<()> {
    finish(
        Command::new("ip").args(arguments).stdin(Stdio::null()),
        "",
        &arguments.join(" "),
    )
}

/// Runs many `ip` commands, one a line, in the calling thread's namespace.
pub(crate) fn batch(commands: &str) -> io::Result<()> {
    finish(
        Command::new("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped()),
        commands,
        commands,
    )
}

fn finish(command: &mut Command, input: &str, what: &str) -> io::Result<()> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "`ip {what}`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }
}
