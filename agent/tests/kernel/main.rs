//! The datapath and generated programs in the kernel, without traffic: `BPF_PROG_TEST_RUN` and
//! loading, in a network namespace that the test makes and removes.
//!
//! Needs root and a kernel with BPF, and an agent that was built with its datapath; otherwise each
//! test says that it was skipped, and why.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: a panic is its way to fail"
)]

mod budget;
mod connections;
mod delivery;
mod equivalence;
mod fragments;
mod hooks;
mod limits;
mod packets;
mod probing;
mod reasons;
mod reject;
mod related;
mod reuse;
mod scale;

use std::{path::Path, process::Command};

use polc_agent::sys::mount;
use polc_testbed::{Namespace, Unmount};

/// Runs `work` in a namespace with these links, given a BPF file system of its own. Does nothing
/// but say so where this machine or this build cannot.
fn on_a_node(test: &str, links: &[&str], work: impl FnOnce(&Path) + Send) {
    if !polc_testbed::require_root_and_bpf(test) {
        return;
    }
    if !polc_agent::datapath::is_built_in() {
        eprintln!("skipped: {test}: the agent was built without its datapath");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bpffs = folder.path().join("bpf");
    let namespace = Namespace::new(test).unwrap();
    let _mounted = Unmount::on_drop(&bpffs);
    namespace
        .run(|| {
            for link in links {
                let peer = link.replace("veth", "peer");
                let add = ["link", "add", link, "type", "veth", "peer", "name", &peer];
                assert!(Command::new("ip").args(add).status().unwrap().success());
            }
            mount::ensure_bpffs(&bpffs).unwrap();
            work(&bpffs);
        })
        .unwrap();
}
