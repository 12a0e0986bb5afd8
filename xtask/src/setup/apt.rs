//! Debian's packages.

use std::process::Command;

use crate::run::{Result, error, output, run, say, succeeds};

/// Whether this machine installs packages with apt.
pub(crate) fn is_available() -> bool {
    succeeds(Command::new("apt-get").arg("--version"))
}

/// The version of a package that would be installed.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let policy = output(Command::new("apt-cache").args(["policy", package])).ok()?;
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (line != "(none)").then(|| line.to_owned())
}

/// Reads the package lists, once they are wanted.
pub(crate) fn update() -> Result<()> {
    need_root(&["package lists"])?;
    run(Command::new("apt-get").args(["update", "--quiet=2"]))
}

/// Installs packages.
pub(crate) fn install(packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if !is_available() {
        return error(format!("{why}: install {names}, which needs apt here"));
    }
    need_root(packages)?;
    say(format_args!("installing {names}: {why}"));
    let install = || {
        let mut install = Command::new("apt-get");
        install
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
            .args(packages);
        run(&mut install)
    };
    let is_known = packages.iter().all(|package| candidate(package).is_some());
    if is_known && install().is_ok() {
        return Ok(());
    }
    // Lists are missing, or so old that they name versions which the archive has replaced since.
    update()?;
    install()
}

fn need_root(packages: &[&str]) -> Result<()> {
    match output(Command::new("id").arg("-u"))?.as_str() {
        "0" => Ok(()),
        _ => error(format!(
            "these packages are missing and only root can install them: {}; run `cargo xtask \
             setup` as root once",
            packages.join(" ")
        )),
    }
}
