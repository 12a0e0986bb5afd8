//! Following an inventory of 1,000 endpoints and 65,536 peers, a file each, while 40 pods a second come,
//! go and change their labels: whether all of it is in force in the end, and how long each took.
//!
//! For `POLC_FOLLOW_SECONDS` seconds, 10 unless it says so.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use polc_agent::inspect::peers::Peer;

use super::{
    Result,
    node::{LargeNode, is_asked_about, peer, peer_name},
};

const ENDPOINTS: u32 = 1_000;
const PEERS: u32 = 65_536;
const A_SECOND: u32 = 40;
/// Pods that change.
const CHANGING: u32 = 997;

pub(super) fn run() -> Result<()> {
    let Some(node) = LargeNode::start("bench-follow", ENDPOINTS, PEERS)? else {
        return Ok(());
    };
    println!(
        "  {ENDPOINTS} endpoints, {PEERS} peers, a file each: in force {:.1} s after the start; {} MiB \
         in memory",
        node.started().as_secs_f64(),
        node.memory("Rss")? >> 10
    );
    let seconds = std::env::var("POLC_FOLLOW_SECONDS").ok();
    let seconds: u32 = seconds.map_or(Ok(10), |seconds| seconds.parse())?;
    // The first look reads everything.
    std::thread::sleep(Duration::from_secs(5));
    // Of each pod that has changed, whether a rule is about it; `None` where it has gone.
    let mut expected: BTreeMap<String, Option<bool>> = BTreeMap::new();
    let started = Instant::now();
    for change in 0..A_SECOND * seconds {
        let due = started + Duration::from_secs(1) / A_SECOND * change;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = change * 61 % CHANGING;
        if change % 5 == 4 {
            node.remove(&format!("{}.yaml", peer_name(number)));
            expected.insert(peer_name(number), None);
            continue;
        }
        let app = change * 13 % 128;
        let (name, text) = peer(number, app);
        node.write(&name, &text)?;
        expected.insert(peer_name(number), Some(is_asked_about(app)));
    }
    let took = started.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let followed = node.status()?.followed.ok_or("nothing is followed")?;
    println!(
        "  {} changes in {:.1} s, put in force at {} times: lag median {} ms, 99th percentile {} ms, \
         longest {} ms; {} MiB in memory",
        A_SECOND * seconds,
        took.as_secs_f64(),
        followed.changes,
        followed.median_lag_ms,
        followed.p99_lag_ms,
        followed.longest_lag_ms,
        node.memory("Rss")? >> 10
    );
    let peers: Vec<Peer> = serde_json::from_slice(&node.ask("peers")?)?;
    let there: BTreeMap<String, bool> = peers
        .into_iter()
        .filter_map(|peer| {
            let name = peer.name.strip_prefix("shop/")?.to_owned();
            Some((name, !peer.policies.is_empty()))
        })
        .collect();
    let missed = expected
        .iter()
        .filter(|(name, expected)| there.get(*name).copied() != **expected)
        .count();
    println!(
        "  {} pods changed, {missed} of them are not as they should be",
        expected.len()
    );
    Ok(())
}
