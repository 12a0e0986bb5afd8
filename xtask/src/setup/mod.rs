//! Finds the tools that the datapath is built with, and installs what is missing.
//!
//! The datapath is Rust for the BPF target. That needs a compiler whose standard library's source
//! is at hand, and `bpf-linker` built against the same LLVM. See [`toolchain`] for where they
//! come from. Nothing is asked; everything that is installed is announced with its reason.

mod apt;
mod linker;
pub(crate) mod toolchain;

use std::process::Command;

use crate::run::{Result, succeeds};

pub(crate) use toolchain::Toolchain;

/// What is needed to build the datapath, ready to use.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) toolchain: Toolchain,
    /// The directory of `bpf-linker`.
    pub(crate) linker: std::path::PathBuf,
}

/// Finds or installs what only tests use. Where that cannot be, those tests say that they were
/// skipped.
pub(crate) fn ensure_for_tests() -> Result<()> {
    let wanted = [
        (
            "minisign",
            "-v",
            "tests sign with it what polc verifies, and the other way round",
        ),
        (
            "bpftool",
            "version",
            "a test sees with it the policy between a program's instructions",
        ),
    ];
    for (tool, version, why) in wanted {
        if !succeeds(Command::new(tool).arg(version)) && apt::is_available() {
            apt::install(&[tool], why)?;
        }
    }
    ensure_nftables("a test translates addresses as a service's rules do")
}

/// Finds or installs what only the measurement of traffic uses, to have something to compare with.
pub(crate) fn ensure_for_traffic() -> Result<()> {
    let why = "traffic under polc is compared with traffic under its rules";
    ensure_nftables(why)?;
    if !succeeds(Command::new("iptables").arg("--version")) && apt::is_available() {
        apt::install(&["iptables"], why)?;
    }
    Ok(())
}

fn ensure_nftables(why: &str) -> Result<()> {
    if !succeeds(Command::new("nft").arg("--version")) && apt::is_available() {
        apt::install(&["nftables"], why)?;
    }
    Ok(())
}

/// Finds or installs what boots another kernel.
pub(crate) fn ensure_for_kernels() -> Result<()> {
    let wanted = [
        ("qemu-system-x86_64", "--version", "qemu-system-x86"),
        ("busybox", "true", "busybox-static"),
        ("cpio", "--version", "cpio"),
    ];
    for (tool, argument, package) in wanted {
        if !succeeds(Command::new(tool).arg(argument)) {
            apt::install(&[package], "another kernel is booted with it")?;
        }
    }
    Ok(())
}

/// Finds or installs everything. Quick when nothing is missing.
pub(crate) fn ensure() -> Result<Tools> {
    if !succeeds(Command::new("ip").arg("-V")) {
        apt::install(
            &["iproute2"],
            "the demo and the tests make nodes of network namespaces",
        )?;
    }
    let toolchain = Toolchain::find_or_install()?;
    let linker = linker::find_or_install(&toolchain)?;
    Ok(Tools { toolchain, linker })
}
