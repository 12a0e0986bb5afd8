//! What tests with real packets need.

use std::{path::Path, process::Command};

use crate::sys;

/// Whether this machine can run tests with namespaces and BPF. When it cannot, says so, with the
/// test's name and the reason, so that a skipped test is never taken for one that passed.
#[must_use]
pub fn require_root_and_bpf(test: &str) -> bool {
    match missing() {
        None => true,
        Some(reason) => {
            eprintln!("skipped: {test}: {reason}");
            false
        }
    }
}

fn missing() -> Option<&'static str> {
    if !sys::is_root() {
        return Some("needs root");
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some("needs a kernel with BTF");
    }
    if Command::new("ip").arg("-V").output().is_err() {
        return Some("needs `ip` from iproute2");
    }
    None
}
