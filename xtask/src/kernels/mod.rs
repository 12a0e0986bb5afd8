//! The agent's tests on another kernel: Debian's, in a machine that QEMU emulates. No virtualisation is
//! needed, and nothing of this machine is touched.
//!
//! ```text
//! package ──► the kernel and the modules that the tests need
//! root    ──► a file system of busybox, `ip`, the test programs and their libraries, as an initramfs
//! machine ──► a boot that runs the tests and says how they ended
//! ```

mod machine;
mod package;
mod root;

use crate::{
    build,
    run::{Result, error, say},
    setup,
};

/// What is run there: programs, and which of their tests. Emulation is slow; these load every fixed
/// program and programs of every form, and send real packets through both hooks. That nothing is lost
/// while policies change under load is left out: there, a packet may wait through two changes.
const TESTS: [(&str, &[&str]); 2] = [
    (
        "kernel",
        &[
            "reuse::",
            "reject::",
            "reasons::",
            "related::",
            "delivery::",
        ],
    ),
    (
        "node",
        &[
            "reachability::",
            "delivery::past_stack",
            "swap::a_denied",
            "swap::what_becomes",
        ],
    ),
];

/// Boots Debian's kernel and runs the tests there.
pub(crate) fn run() -> Result<()> {
    let object = build::datapath()?;
    setup::ensure_for_kernels()?;
    let kernel = package::fetch()?;
    let programs = TESTS
        .iter()
        .map(|(name, _)| root::program(name, &object))
        .collect::<Result<Vec<_>>>()?;
    let initramfs = root::make(&kernel, &programs, &TESTS)?;
    say(format_args!(
        "booting {} in QEMU; this takes minutes",
        kernel.version
    ));
    let console = machine::boot(&kernel.image, &initramfs)?;
    for (name, _) in TESTS {
        let passed = format!("{}{name} 0", root::ENDED);
        if !console.lines().any(|line| line.trim_end() == passed) {
            return error(format!(
                "the {name} tests did not pass on {}; what the machine printed is above",
                kernel.version
            ));
        }
    }
    say(format_args!("all passed on {}", kernel.version));
    Ok(())
}
