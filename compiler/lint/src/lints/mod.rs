//! The lints, one file each.

pub(crate) mod covered_l7;
pub(crate) mod dns_without_tcp;
pub(crate) mod idle_default_allow;
pub(crate) mod metadata_reachable;
pub(crate) mod moot_allow;
pub(crate) mod name_style;
pub(crate) mod names_without_dns;
pub(crate) mod near_budget;
pub(crate) mod needless_deny;
pub(crate) mod never_matches;
pub(crate) mod one_family_block;
pub(crate) mod one_family_ping;
pub(crate) mod one_sided_allow;
pub(crate) mod overlapping_ports;
pub(crate) mod pass_at_the_end;
pub(crate) mod redundant_peer;
pub(crate) mod redundant_rule;
pub(crate) mod sensitive_port_open;
pub(crate) mod shadowed_rule;
pub(crate) mod tests_only_allow;
pub(crate) mod unmatched_subject;
pub(crate) mod unrestricted_egress;
pub(crate) mod untested_policy;
pub(crate) mod unused_name;
pub(crate) mod wide_port_range;
pub(crate) mod world_open;

use std::net::IpAddr;

use polc_model::{PeerFacts, SelectorExpr};

/// Whether a set has strangers in it. Asked about addresses in different parts of both families,
/// so that a set with exceptions still counts, and a block does not.
fn reaches_world(peers: &SelectorExpr) -> bool {
    const STRANGERS: [&str; 4] = [
        "8.8.8.8",
        "193.0.6.139",
        "2001:4860:4860::8888",
        "2a00:1450::1",
    ];
    let families = [true, false];
    families.iter().any(|is_v4| {
        STRANGERS
            .iter()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .filter(|address| address.is_ipv4() == *is_v4)
            .all(|address| peers.matches(&PeerFacts::world(address)))
    })
}
