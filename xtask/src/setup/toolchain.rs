//! A Rust toolchain that can build for the BPF target, with the source of its standard library.
//!
//! Two are known to work: Debian's `rustc-web`, with its source in `rust-web-src`, and rustup's
//! nightly with the component `rust-src`. What is there is used; else Debian's is installed where
//! it is new enough, else rustup's.

use std::{path::PathBuf, process::Command};

use super::apt;
use crate::run::{self, Result, error, output, say, succeeds};

/// Where Debian's toolchain and its library's source live.
const DEBIAN_BIN: &str = "/usr/bin";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The oldest release that builds the datapath: the first with LLVM 21, and no older LLVM is known to
/// `bpf-linker`.
const OLDEST_MINOR: u32 = 91;

/// A toolchain that can build for the BPF target.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    kind: Kind,
    /// Major version of the LLVM inside its compiler.
    pub(crate) llvm: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Debian,
    Rustup,
}

impl Toolchain {
    pub(crate) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::debian().or_else(Self::rustup) {
            return Ok(found);
        }
        if apt::is_available() {
            let has_candidate = || {
                let candidate = apt::candidate(DEBIAN_PACKAGES[0]);
                candidate.as_deref().is_some_and(is_new_enough)
            };
            // Lists of an old image know the release's first version, not its updates.
            if !has_candidate() {
                apt::update()?;
            }
            if has_candidate() {
                let why = "the datapath is built for BPF, with the standard library's source";
                apt::install(&DEBIAN_PACKAGES, why)?;
                return Self::debian()
                    .map_or_else(|| error("Debian's Rust was installed and does not run"), Ok);
            }
        }
        if succeeds(Command::new("rustup").arg("--version")) {
            say("installing rustup's nightly with rust-src: the datapath is built for BPF");
            let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
            run::run(
                Command::new("rustup")
                    .args(install)
                    .args(["--component", "rust-src"]),
            )?;
            if let Some(found) = Self::rustup() {
                return Ok(found);
            }
        }
        error(
            "no toolchain here can build for BPF; install either Debian's packages rustc-web, \
             cargo-web and rust-web-src, or rustup's nightly with the component rust-src",
        )
    }

    /// Whether it is Debian's, whose LLVM is a package of its own.
    pub(crate) fn is_debian(&self) -> bool {
        self.kind == Kind::Debian
    }

    /// A Cargo of this toolchain. Nothing of the toolchain that runs xtask reaches it.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = match self.kind {
            Kind::Debian => Command::new(PathBuf::from(DEBIAN_BIN).join("cargo")),
            Kind::Rustup => {
                let mut command = Command::new("rustup");
                command.args(["run", "nightly", "cargo"]);
                command
            }
        };
        for name in [
            "CARGO",
            "RUSTC",
            "RUSTDOC",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "CARGO_TARGET_DIR",
        ] {
            command.env_remove(name);
        }
        if self.kind == Kind::Debian {
            command.env("RUSTC", PathBuf::from(DEBIAN_BIN).join("rustc"));
            // A released compiler builds its own library only when told that it may.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    fn debian() -> Option<Self> {
        let has_source = std::fs::exists(DEBIAN_SOURCE).unwrap_or(false);
        let rustc = PathBuf::from(DEBIAN_BIN).join("rustc");
        if !has_source || !std::fs::exists(PathBuf::from(DEBIAN_BIN).join("cargo")).unwrap_or(false)
        {
            return None;
        }
        Self::of(Kind::Debian, &mut Command::new(rustc))
    }

    fn rustup() -> Option<Self> {
        let mut rustc = Command::new("rustup");
        rustc.args(["run", "nightly", "rustc"]);
        let sysroot =
            output(Command::new("rustup").args(["run", "nightly", "rustc", "--print", "sysroot"]));
        let source = PathBuf::from(sysroot.ok()?).join("lib/rustlib/src/rust/library/core");
        if !source.is_dir() {
            return None;
        }
        Self::of(Kind::Rustup, &mut rustc)
    }

    fn of(kind: Kind, rustc: &mut Command) -> Option<Self> {
        let version = output(rustc.arg("-vV")).ok()?;
        let field = |name| version.lines().find_map(|line| line.strip_prefix(name));
        if !is_new_enough(field("release: ")?) {
            return None;
        }
        let llvm = field("LLVM version: ")?.split('.').next()?.parse().ok()?;
        Some(Self { kind, llvm })
    }
}

fn is_new_enough(version: &str) -> bool {
    let minor = version
        .strip_prefix("1.")
        .and_then(|rest| rest.split(['.', '~', '+']).next());
    minor
        .and_then(|minor| minor.parse::<u32>().ok())
        .is_some_and(|minor| minor >= OLDEST_MINOR)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_of_debian_and_rustup_are_read() {
        assert!(is_new_enough("1.96.0+dfsg1-1~deb12u2"));
        assert!(is_new_enough("1.97.0-nightly"));
        assert!(!is_new_enough("1.63.0"));
        assert!(!is_new_enough("1.85.0+dfsg3-1~deb12u3"));
        assert!(!is_new_enough("(none)"));
    }
}
