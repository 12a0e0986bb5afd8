//! `bpf-linker`, built against the LLVM of the toolchain whose output it links.

use std::{path::PathBuf, process::Command};

use super::{Toolchain, apt};
use crate::run::{self, Result, say, succeeds, target};

/// Pinned: each release knows certain versions of LLVM.
const VERSION: &str = "0.13.0";

/// The directory that holds `bpf-linker`.
pub(crate) fn find_or_install(toolchain: &Toolchain) -> Result<PathBuf> {
    let llvm = toolchain.llvm;
    // One directory per version of both, so that an upgrade of either builds it again.
    let root = target().join(format!("tools/bpf-linker-{VERSION}-llvm-{llvm}"));
    let bin = root.join("bin");
    if succeeds(Command::new(bin.join("bpf-linker")).arg("--version")) {
        return Ok(bin);
    }
    if toolchain.is_debian() {
        let package = format!("llvm-{llvm}-dev");
        if !llvm_prefix(llvm).join("include/llvm-c").is_dir() {
            apt::install(
                &[&package],
                "bpf-linker links with the same LLVM as the compiler",
            )?;
        }
    }
    say(format_args!(
        "building bpf-linker {VERSION} for LLVM {llvm}: it links the datapath"
    ));
    let mut install = run::cargo();
    install.args([
        "install",
        "bpf-linker",
        "--version",
        VERSION,
        "--locked",
        "--quiet",
    ]);
    install.arg("--root").arg(&root);
    if toolchain.is_debian() {
        install.args([
            "--no-default-features",
            "--features",
            &format!("llvm-{llvm}"),
        ]);
        // Other versions of LLVM may be installed beside it: bpf-linker and llvm-sys each take a
        // hint of their own. The second one's name ends in the version, whose minor part is 1.
        install.env("LLVM_PREFIX", llvm_prefix(llvm));
        install.env(format!("LLVM_SYS_{llvm}1_PREFIX"), llvm_prefix(llvm));
    }
    run::run(&mut install)?;
    Ok(bin)
}

fn llvm_prefix(llvm: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/llvm-{llvm}"))
}
