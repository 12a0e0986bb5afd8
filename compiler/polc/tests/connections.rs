//! `polc connections`: on a small shop, and on clusters whose connections another tool computed.

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

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use support::{Files, Run};

/// A shop: the web is open to the ingress and talks to the cart, which talks to nobody.
const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec: { template: { metadata: { labels: { app: web } }, spec: { containers: [{ ports: [{ name: http, containerPort: 8080 }] }] } } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec: { template: { metadata: { labels: { app: cart } }, spec: { containers: [{ ports: [{ name: grpc, containerPort: 7070 }] }] } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: shop }
spec: { rules: [{ http: { paths: [{ backend: { service: { name: web, port: { number: 80 } } } }] } }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: cart, namespace: shop }
spec:
  podSelector: { matchLabels: { app: cart } }
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{ podSelector: { matchLabels: { app: web } } }]
    ports: [{ port: grpc }]
";

fn shop(arguments: &[&str]) -> Run {
    let files = Files::new([("shop.yaml", SHOP)]);
    let mut all = vec!["connections", "shop.yaml"];
    all.extend(arguments);
    files.polc(&all)
}

#[test]
fn connections_are_lines() {
    let run = shop(&[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        run.out,
        "0.0.0.0-255.255.255.255[External] => shop/web[Deployment] : All Connections
shop/web[Deployment] => 0.0.0.0-255.255.255.255[External] : All Connections
shop/web[Deployment] => shop/cart[Deployment] : TCP 7070
{ingress-controller} => shop/web[Deployment] : TCP 8080
"
    );
}

#[test]
fn explanations_name_policies_and_places() {
    let run = shop(&["--explain"]);
    let expected = "shop/web[Deployment] => shop/cart[Deployment] : TCP 7070
    egress allow All Connections: no policy
    ingress allow TCP 7070: a rule of `shop/cart`, shop.yaml:33:12
    ingress deny SCTP 1-65535,TCP 1-7069,7071-65535,UDP 1-65535: `shop/cart` isolates, shop.yaml:28:19
";
    assert!(run.out.contains(expected), "{}", run.out);
}

#[test]
fn connections_are_there_for_programs() {
    let run = shop(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let connections = value["connections"].as_array().unwrap();
    let to_cart = connections
        .iter()
        .find(|one| one["destination"] == "shop/cart[Deployment]")
        .unwrap();
    assert_eq!(to_cart["everything"], false);
    assert_eq!(
        to_cart["ports"],
        serde_json::json!([{ "protocol": "tcp", "first": 7070, "last": 7070 }])
    );
    let run = shop(&["--format", "csv"]);
    let line = "shop/web[Deployment],shop/cart[Deployment],TCP 7070\n";
    assert!(run.out.contains(line), "{}", run.out);
}

/// With a second file beside the shop.
fn shop_with(policy: &str, arguments: &[&str]) -> Run {
    let files = Files::new([("shop.yaml", SHOP), ("requests.yaml", policy)]);
    let mut all = vec!["connections", "."];
    all.extend(arguments);
    files.polc(&all)
}

const REQUESTS: &str = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  endpointSelector: { matchLabels: { app: web } }
  ingress:
  - toPorts: [{ ports: [{ port: '8080', protocol: TCP }], rules: { http: [{ method: GET, path: /a }] } }]
  - fromEntities: [world]
    toPorts: [{ ports: [{ port: '9090', protocol: TCP }] }]
";

#[test]
fn requests_that_pass_are_said() {
    let run = shop_with(REQUESTS, &[]);
    assert_eq!(run.code, 0, "{}", run.out);
    let line = "{ingress-controller} => shop/web[Deployment] : TCP 8080 only { ";
    assert!(run.out.contains(line), "{}", run.out);
    let line = "[External] => shop/web[Deployment] : TCP 8080,9090; TCP 8080 only { ";
    assert!(run.out.contains(line), "{}", run.out);
    let run = shop_with(REQUESTS, &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let connections = value["connections"].as_array().unwrap();
    let entrance = connections
        .iter()
        .find(|one| one["source"] == "{ingress-controller}")
        .unwrap();
    let restriction = &entrance["restrictions"][0];
    assert_eq!(restriction["direction"], "ingress");
    assert_eq!(
        restriction["ports"],
        serde_json::json!([{ "protocol": "tcp", "first": 8080, "last": 8080 }])
    );
    assert_eq!(restriction["only"].as_array().unwrap().len(), 1);
}

#[test]
fn connections_can_be_drawn() {
    let run = shop(&["--format", "dot"]);
    assert!(run.out.starts_with("digraph connections {"));
    assert!(run.out.contains("[label=\"TCP 7070\"]"), "{}", run.out);
    let run = shop(&["--format", "svg"]);
    assert!(run.out.trim_end().ends_with("</svg>"), "{}", run.out);
}

#[test]
fn what_lets_traffic_in_to_nothing_is_said() {
    let said = |shop: &str| {
        let files = Files::new([("shop.yaml", shop)]);
        let run = files.polc(&["connections", "--format", "txt", "shop.yaml"]);
        assert_eq!(run.code, 0, "{}", run.err);
        format!("{}{}", run.out, run.err)
    };
    assert!(!said(SHOP).contains("P1009"));
    let ingress = "service: { name: web, port: { number: 80 } }";
    let other_service =
        said(&SHOP.replace(ingress, "service: { name: wbe, port: { number: 80 } }"));
    assert!(
        other_service.contains("the files hold no Service `shop/wbe`"),
        "{other_service}"
    );
    let other_port = said(&SHOP.replace(ingress, "service: { name: web, port: { name: grpc } }"));
    assert!(
        other_port.contains("the Service `shop/web` has no port `grpc`"),
        "{other_port}"
    );
    assert!(other_port.contains("it has 80"), "{other_port}");
}

#[test]
fn what_is_wrong_keeps_connections_from_being_said() {
    let broken = SHOP.replace("containerPort: 7070", "containerPort: many");
    let files = Files::new([("shop.yaml", broken.as_str())]);
    let run = files.polc(&["connections", "."]);
    assert_eq!(run.code, 1);
    assert!(
        run.out
            .contains("`containerPort` is a whole number, not text"),
        "{}",
        run.out
    );
    assert!(!run.out.contains("=>"), "{}", run.out);
}

/// Why what is said about a folder of the corpus differs: see docs/connections.md.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// Pods of the node's network have the node's connections here.
    HostNetwork,
    /// Addresses of IPv6 are listed here where policies name some.
    Ipv6,
    /// Three whole protocols are not everything here: ICMP is not among them.
    OtherProtocols,
    /// The API server refuses its policies as they are: `pods` lacks a selector, or a name has `_`.
    Refused,
}

const DIFFERENCES: [(&str, Difference); 18] = [
    ("anp_banp_test_multiple_warnings", Difference::Ipv6),
    ("anp_test_10", Difference::Refused),
    ("anp_test_10_swapping_rules", Difference::Refused),
    ("anp_test_11_swapping_rules", Difference::Refused),
    ("anp_test_8_swapping_rules", Difference::Refused),
    ("anp_test_9", Difference::Refused),
    ("anp_test_combining_test_6_and_test_10", Difference::Refused),
    (
        "example_pods_w_same_owner_and_labels_gap_anp_good",
        Difference::Refused,
    ),
    (
        "example_pods_w_same_owner_and_labels_gap_banp_good",
        Difference::Refused,
    ),
    (
        "example_pods_w_same_owner_and_labels_gap_with_good_match_expression",
        Difference::Refused,
    ),
    (
        "example_pods_w_same_owner_and_labels_gap_with_good_match_expression2",
        Difference::Refused,
    ),
    (
        "example_pods_w_same_owner_and_labels_gap_with_policy_selector_not_in_gap",
        Difference::Refused,
    ),
    ("ipblockstest_3", Difference::HostNetwork),
    ("ipblockstest_4", Difference::HostNetwork),
    ("multiple_topology_resources_2", Difference::HostNetwork),
    ("semanticDiff-same-topologies-new2", Difference::HostNetwork),
    ("semanticDiff-same-topologies-old1", Difference::HostNetwork),
    ("with_end_port_example", Difference::OtherProtocols),
];

#[test]
fn connections_are_those_that_another_tool_computed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/netpol");
    let Ok(entries) = fs::read_dir(&corpus) else {
        eprintln!("skipped: there is no {}", corpus.display());
        return;
    };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut failures = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let difference = DIFFERENCES.iter().find(|(folder, _)| *folder == name);
        let difference = difference.map(|(_, difference)| *difference);
        let copy = difference
            .filter(|difference| *difference == Difference::Refused)
            .map(|_| repaired(folder));
        let path = copy.as_ref().map_or(folder.as_path(), Files::path);
        if copy.is_some() {
            let run = connections(folder);
            assert_eq!(run.code, 1, "{name} is no longer refused");
        }
        let run = connections(path);
        assert_eq!(run.code, 0, "{name}: {}{}", run.out, run.err);
        let expected = fs::read_to_string(folder.join("expected-connections.txt")).unwrap();
        let hosts = match difference {
            Some(Difference::HostNetwork) => on_host_network(folder),
            _ => BTreeSet::new(),
        };
        let theirs = comparable(&expected, difference, &hosts);
        let ours = comparable(&run.out, difference, &hosts);
        let missing: Vec<&String> = theirs.difference(&ours).take(3).collect();
        let added: Vec<&String> = ours.difference(&theirs).take(3).collect();
        if !missing.is_empty() || !added.is_empty() {
            failures.push(format!("{name}: missing {missing:#?}, added {added:#?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(
        folders.len() >= DIFFERENCES.len(),
        "the corpus is not all there"
    );
}

fn connections(folder: &Path) -> Run {
    let folder = folder.to_string_lossy();
    let arguments = ["connections", "--permissive", &*folder];
    Run::from(support::command(&arguments).output().unwrap())
}

/// The lines that are to be the same.
fn comparable(
    text: &str,
    difference: Option<Difference>,
    hosts: &BTreeSet<String>,
) -> BTreeSet<String> {
    let is_kept = |line: &&str| match difference {
        Some(Difference::HostNetwork) => !hosts.iter().any(|host| line.contains(host.as_str())),
        Some(Difference::Ipv6) => !line.contains("::"),
        _ => !line.is_empty(),
    };
    let all = "SCTP 1-65535,TCP 1-65535,UDP 1-65535";
    let lines = text.lines().filter(is_kept).map(|line| match difference {
        Some(Difference::OtherProtocols) => line.replace(all, "All Connections"),
        _ => line.to_owned(),
    });
    lines.collect()
}

/// The titles of the workloads that use their node's network.
fn on_host_network(folder: &Path) -> BTreeSet<String> {
    let texts = texts(folder);
    let files = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let (cluster, _) = polc_cluster::Cluster::read(files);
    let workloads = cluster.workloads.iter();
    let on_host = workloads.filter(|one| one.network == polc_cluster::PodNetwork::Host);
    on_host.map(|one| one.title()).collect()
}

fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".txt") {
            texts.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    texts
}

/// A copy of a folder with policies that the API server takes: `pods` has both selectors, and names
/// have dashes.
fn repaired(folder: &Path) -> Files {
    let texts: Vec<(String, String)> = texts(folder)
        .into_iter()
        .map(|(name, text)| (name, repair(&text)))
        .collect();
    Files::new(
        texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    )
}

fn repair(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let code = line.split(" #").next().unwrap().trim();
        if code.starts_with("name: ") {
            out.push_str(&line.replace('_', "-"));
        } else {
            out.push_str(line);
        }
        out.push('\n');
        if !matches!(code, "pods:" | "- pods:") {
            continue;
        }
        let rest = &lines[number + 1..];
        let depth = indent(rest[0]);
        let block: Vec<&&str> = rest
            .iter()
            .take_while(|line| indent(line) >= depth)
            .collect();
        for key in ["namespaceSelector", "podSelector"] {
            let is_key = |line: &&&str| indent(line) == depth && line.trim().starts_with(key);
            if !block.iter().any(is_key) {
                out.push_str(&format!("{}{key}: {{}}\n", " ".repeat(depth)));
            }
        }
    }
    out
}
