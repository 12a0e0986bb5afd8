//! What the kernel can do.

use std::{fs::File, io, io::Read as _};

use miette::Diagnostic as _;

use super::Finding;
use crate::{Error, datapath::Datapath, sys::probe};

const BTF: &str = "/sys/kernel/btf/vmlinux";
/// The first two bytes of BTF, as a number.
const BTF_MAGIC: u16 = 0xeb9f;
/// The oldest kernel that has all helpers.
const OLDEST: &str = "5.10";

/// Which kernel it is. What it can do, [`features`] tries out.
pub(super) fn version() -> Finding {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => Finding::ok("kernel", format!("Linux {}", release.trim())),
        Err(cause) => Finding::missing(
            "kernel",
            format!("no /proc/sys/kernel/osrelease: {cause}; mount /proc"),
        ),
    }
}

/// Whether the kernel describes its types.
pub(super) fn btf() -> Finding {
    let mut magic = [0; 2];
    let read = File::open(BTF).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Ok(()) if u16::from_ne_bytes(magic) == BTF_MAGIC => Finding::ok("BTF", BTF),
        Ok(()) => Finding::missing("BTF", format!("{BTF} holds no BTF; use another kernel")),
        Err(cause) => Finding::missing(
            "BTF",
            format!("{BTF}: {cause}; use a kernel with CONFIG_DEBUG_INFO_BTF"),
        ),
    }
}

/// Each thing that the kernel must be able to do.
pub(super) fn features() -> Vec<Finding> {
    vec![
        tried("tc programs", probe::programs(), "CONFIG_NET_CLS_ACT"),
        tried("test runs", probe::test_runs(), "BPF_PROG_TEST_RUN"),
        tried("ring buffer", probe::ring_buffer(), "BPF_MAP_TYPE_RINGBUF"),
        tried(
            "frozen maps",
            probe::frozen_maps(),
            "BPF_MAP_FREEZE and BPF_MAP_UPDATE_BATCH",
        ),
        tried(
            "grace period",
            probe::grace_period(),
            "BPF_MAP_TYPE_ARRAY_OF_MAPS",
        ),
        tcx(),
        jit(),
        datapath(),
    ]
}

fn tried(what: &str, result: io::Result<()>, needs: &str) -> Finding {
    match result {
        Ok(()) => Finding::ok(what, "tried"),
        Err(cause) => Finding::missing(what, because(&cause, needs)),
    }
}

/// Why something failed, and what to do about it.
fn because(cause: &io::Error, needs: &str) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{cause}; run it with the capabilities above")
        }
        _ => format!("{cause}; use a kernel with {needs}, such as {OLDEST} or later"),
    }
}

fn tcx() -> Finding {
    match probe::tcx() {
        Ok(true) => Finding::ok("tcx", "tried: hooks are pinned links"),
        Ok(false) => Finding::substitute("tcx", "clsact filters; tcx is in Linux 6.6 and later"),
        Err(cause) => Finding::missing("tcx", because(&cause, "CONFIG_NET_CLS_ACT")),
    }
}

fn jit() -> Finding {
    const PATH: &str = "/proc/sys/net/core/bpf_jit_enable";
    match std::fs::read_to_string(PATH).as_deref().map(str::trim) {
        Ok("0") => Finding::substitute(
            "JIT",
            "the kernel's interpreter, which is slower; `sysctl net.core.bpf_jit_enable=1`",
        ),
        Ok(_) => Finding::ok("JIT", "enabled"),
        // A kernel that was built without the interpreter may have no switch.
        Err(_) => Finding::ok("JIT", format!("no {PATH}: it cannot be switched off")),
    }
}

/// The datapath's programs with all their helpers, loaded and let go.
fn datapath() -> Finding {
    match Datapath::try_out() {
        Ok(programs) => {
            let instructions: u32 = programs.iter().map(|one| one.verified_instructions).sum();
            Finding::ok(
                "datapath",
                format!(
                    "tried: {} programs, {instructions} verified instructions",
                    programs.len()
                ),
            )
        }
        Err(Error::NoDatapath) => Finding::missing(
            "datapath",
            "this polc-agent was built without it; build it with `cargo xtask build`",
        ),
        Err(error) => {
            // The end of the verifier's log names the helper or the instruction.
            let help = error.help().map(|help| help.to_string());
            let last = help.as_deref().and_then(|help| help.lines().last());
            let detail = match last {
                Some(last) if !last.ends_with("no log") => format!("{error}; {last}"),
                _ => format!("{error}; the lines above may say why"),
            };
            Finding::missing("datapath", detail)
        }
    }
}
