//! The checks of a freshly installed cluster: Deployments whose probes open connections, with policies
//! that some of them are about. `polc connections` says of each whether it succeeds.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that panics fails, and it reads files of its own"
)]

mod support;

use std::{fs, net::IpAddr, path::Path};

use polc_cluster::{Cluster, PortRef, Workload};
use serde_json::Value;

/// A connection that a probe opens.
struct Check {
    /// Whether the probe wants it to succeed.
    is_expected: bool,
    host: String,
    port: u16,
}

/// What a probe does: `curl … host:port/path`, after `!` where it is to fail.
fn check(words: &[String]) -> Option<Check> {
    let line = words.join(" ");
    line.contains("curl").then_some(())?;
    let (scheme, url) = match line.rsplit(' ').next()?.trim().split_once("://") {
        Some((scheme, url)) => (scheme.to_owned(), url.to_owned()),
        None => ("http".to_owned(), line.rsplit(' ').next()?.to_owned()),
    };
    let authority = url.split('/').next()?;
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    Some(Check {
        is_expected: !line.contains("! curl"),
        host: host.to_owned(),
        port,
    })
}

/// Whether connections to a TCP port of a destination that `is_it` are among those of `source`.
fn is_open(connections: &[Value], source: &str, is_it: &dyn Fn(&str) -> bool, port: u16) -> bool {
    let mut to_it = connections
        .iter()
        .filter(|one| one["source"] == source && is_it(one["destination"].as_str().unwrap()));
    to_it.any(|one| {
        let mut ports = one["ports"].as_array().unwrap().iter();
        let is_in = |range: &Value| {
            let ends = range["first"].as_u64().unwrap()..=range["last"].as_u64().unwrap();
            range["protocol"] == "tcp" && ends.contains(&u64::from(port))
        };
        one["everything"] == true || ports.any(is_in)
    })
}

/// Whether a check succeeds: `None` where it stays inside its pod.
fn succeeds(
    connections: &[Value],
    cluster: &Cluster,
    source: &Workload,
    check: &Check,
) -> Option<bool> {
    let title = source.title();
    if check.host == "localhost" {
        return None;
    }
    if let Ok(address) = check.host.parse::<IpAddr>() {
        let has = |destination: &str| {
            let range = destination.strip_suffix("[External]");
            let ends = range.and_then(|range| range.split_once('-'));
            let ends =
                ends.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
            ends.is_some_and(|(first, last): (IpAddr, IpAddr)| first <= address && address <= last)
        };
        return Some(is_open(connections, &title, &has, check.port));
    }
    let Some(service) = cluster.services.iter().find(|one| one.name == check.host) else {
        // A name outside: with its pattern's first label, or among all addresses.
        let domain = check.host.split_once('.').unwrap().1;
        let has = |destination: &str| destination == format!("*.{domain}[External]");
        return Some(is_open(connections, &title, &has, check.port));
    };
    let behind = |service: &polc_cluster::Service| -> Vec<Workload> {
        let workloads = cluster.workloads.iter();
        let behind = workloads.filter(|one| service.selects(one));
        behind.cloned().collect()
    };
    // A port that the service does not have is one of its pods, or of their node.
    let target = service.port(&PortRef::Number(check.port));
    let open = behind(service).iter().all(|workload| {
        let port = target.map_or(Some(check.port), |port| {
            port.target.at(workload, port.protocol)
        });
        let has = |destination: &str| destination == workload.title();
        port.is_some_and(|port| is_open(connections, &title, &has, port))
    });
    let node_port = cluster.services.iter().find_map(|service| {
        let port = service
            .ports
            .iter()
            .find(|port| port.node_port == Some(check.port))?;
        Some((service, port))
    });
    let forwarded = node_port.is_none_or(|(of_node, port)| {
        let node = behind(service);
        behind(of_node).iter().all(|workload| {
            let has = |destination: &str| destination == workload.title();
            let number = port.target.at(workload, port.protocol);
            number.is_some_and(|number| is_open(connections, &node[0].title(), &has, number))
        })
    });
    Some(open && forwarded)
}

#[test]
fn each_check_succeeds_as_it_expects() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/connectivity-check");
    for name in [
        "connectivity-check.yaml",
        "connectivity-check-single-node.yaml",
    ] {
        let path = folder.join(name);
        let Ok(text) = fs::read_to_string(&path) else {
            eprintln!("skipped: there is no {}", path.display());
            continue;
        };
        let path = path.to_string_lossy();
        let arguments = ["connections", "--format", "json", &*path];
        let run = support::Run::from(support::command(&arguments).output().unwrap());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let value: Value = serde_json::from_str(&run.out).unwrap();
        let connections = value["connections"].as_array().unwrap();
        let (cluster, _) = Cluster::read([(name, text.as_str())]);
        let mut checks = Vec::new();
        for workload in &cluster.workloads {
            for probe in &workload.probes {
                let check = check(probe).unwrap();
                if let Some(found) = succeeds(connections, &cluster, workload, &check) {
                    assert_eq!(found, check.is_expected, "{name}: {}", workload.title());
                    checks.push(check.is_expected);
                }
            }
        }
        assert!(
            checks.contains(&true) && checks.contains(&false),
            "{name}: {}",
            checks.len()
        );
        assert!(checks.len() >= 6, "{name}: only {} checks", checks.len());
    }
}
