//! What the agent itself keeps in memory for 1,000 endpoints and 16,384 peers, when it has started and
//! after many changes of peers and policies, which it remembers for `explain`. The kernel's maps are
//! counted elsewhere.

use std::time::Duration;

use polc_bundle::Bundle;

use super::{
    Result,
    apply::change_port,
    node::{LargeNode, package, peer},
};

const ENDPOINTS: u32 = 1_000;
const PEERS: u32 = 16_384;
const CHANGES: u32 = 200;
/// More than are remembered.
const BUNDLES: usize = 20;

pub(super) fn run() -> Result<()> {
    let Some(node) = LargeNode::start("bench-agent-memory", ENDPOINTS, PEERS)? else {
        return Ok(());
    };
    let print = |when: &str| -> Result<()> {
        println!(
            "  {when:24} RSS {:.1} MiB, PSS {:.1} MiB, of its own {:.1} MiB (target: 40 MB)",
            mib(node.memory("Rss")?),
            mib(node.memory("Pss")?),
            mib(node.memory("Private_Dirty")?)
        );
        Ok(())
    };
    print("after the start")?;
    std::thread::sleep(Duration::from_secs(3));
    print("3 seconds later")?;
    for change in 0..CHANGES {
        let (name, text) = peer(change * 31 % PEERS, change % 128);
        node.write(&name, &text)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(2));
    print(&format!("after {CHANGES} changes"))?;
    let mut package = package();
    for change in 0..BUNDLES {
        change_port(&mut package, change)?;
        node.apply(&Bundle::compile(package.model.clone(), [])?.encode()?)?;
    }
    std::thread::sleep(Duration::from_secs(3));
    print(&format!("after {BUNDLES} bundles"))
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
