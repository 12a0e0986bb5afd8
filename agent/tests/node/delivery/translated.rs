//! Who reaches an endpoint through rules of the node, as through a service of kube-proxy's, gets the
//! answers through them.

use std::{net::IpAddr, process::Command};

use polc_testbed::Outcome;

use super::{run, shop};
use crate::scene::Scene;

#[test]
fn answers_to_what_the_node_has_translated_are_translated_back() {
    if Command::new("nft").arg("--version").output().is_err() {
        eprintln!("skipped: translated: `nft` is missing (package nftables)");
        return;
    }
    let Some(scene) = Scene::enforcing("translated", &shop()) else {
        return;
    };
    for (family, service, endpoint) in [
        ("ip", "10.96.0.1", "10.244.0.13"),
        ("ip6", "fd00:96::1", "fd00:244::13"),
    ] {
        let bracketed = if family == "ip" {
            endpoint.to_owned()
        } else {
            format!("[{endpoint}]")
        };
        // And a firewall that wants to see both directions of a connection.
        let rules = format!(
            "table {family} service {{
               chain nat {{
                 type nat hook prerouting priority -100
                 {family} daddr {service} tcp dport 80 dnat to {bracketed}:5432
                 {family} daddr {service} udp dport 80 dnat to {bracketed}:53
               }}
               chain filter {{
                 type filter hook forward priority 0
                 ct state invalid drop
               }}
             }}"
        );
        run(scene.testbed.node(), "nft", &[&rules]);
    }
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [db.serve_tcp(5432).unwrap(), db.serve_udp(53).unwrap()];
    for (service, own) in ["10.96.0.1", "fd00:96::1"]
        .map(|address| address.parse::<IpAddr>().unwrap())
        .into_iter()
        .zip(super::both(db))
    {
        for _ in 0..3 {
            assert_eq!(api.connect_tcp(service, 80).unwrap(), Outcome::Reached);
            assert_eq!(api.send_udp(service, 80).unwrap(), Outcome::Reached);
            assert_eq!(api.connect_tcp(own, 5432).unwrap(), Outcome::Reached);
        }
        assert_eq!(web.connect_tcp(service, 80).unwrap(), Outcome::Blocked);
    }
    assert_eq!(scene.drops("no_connection"), 0);
}
