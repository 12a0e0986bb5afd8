//! An inventory of Kubernetes objects, as something that watches the API would write them: nobody says
//! which interface a pod has.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use polc_agent::inspect::{endpoints::Endpoint, peers::Peer};
use polc_model::{Direction, LabelOperator, SelectorExpr};
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text},
};

/// What Kubernetes does not know: the node's address for its pods, and the way out.
const OURS: &str =
    "node: { name: node-1, addresses: [10.244.0.1, \"fd00:244::1\"], uplinks: [uplink0] }\n";
const NODES: &str = r#"
apiVersion: v1
kind: List
metadata: { resourceVersion: "" }
items:
- apiVersion: v1
  kind: Node
  metadata: { name: node-1 }
  spec: { podCIDR: 10.244.0.0/24 }
  status: { addresses: [{ type: InternalIP, address: 192.168.0.1 }, { type: Hostname, address: node-1 }] }
- apiVersion: v1
  kind: Node
  metadata: { name: node-2 }
  status: { addresses: [{ type: InternalIP, address: 192.168.0.2 }] }
"#;
const PATIENCE: Duration = Duration::from_secs(10);

struct Cluster {
    scene: Scene,
    directory: PathBuf,
}

impl Cluster {
    /// Pods `api`, `db` and `web` in the namespace `shop`, whose team the argument says.
    fn new(test: &str, bundle: &[u8]) -> Option<Self> {
        let mut scene = Scene::new(test)?;
        scene.write("start.polb", bundle);
        let directory = scene.path("inventory.yaml");
        fs::remove_file(&directory).unwrap();
        fs::create_dir(&directory).unwrap();
        scene.run_with(&["--follow-inventory", "--node", "node-1"]);
        let mut cluster = Self { scene, directory };
        cluster.write("ours", OURS);
        cluster.write("nodes", NODES);
        cluster.namespace("payments");
        for (name, number) in [("api", 12), ("db", 13), ("web", 11)] {
            cluster.pod(name, number, name, "Running");
        }
        cluster.pod("elsewhere", 99, "api", "Running");
        cluster.scene.start();
        Some(cluster)
    }

    fn write(&self, name: &str, text: &str) {
        let unfinished = self.directory.join(format!(".{name}.yaml"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, self.directory.join(format!("{name}.yaml"))).unwrap();
    }

    fn namespace(&self, team: &str) {
        self.write(
            "shop",
            &format!(
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  \
                 labels: {{ kubernetes.io/metadata.name: shop, team: {team} }}\n"
            ),
        );
    }

    fn pod(&self, name: &str, number: u8, app: &str, phase: &str) {
        let node = if number > 90 { "node-2" } else { "node-1" };
        self.write(
            &format!("pod-{name}"),
            &format!(
                "apiVersion: v1\nkind: Pod\n\
                 metadata: {{ name: {name}, namespace: shop, labels: {{ app: {app} }} }}\n\
                 spec:\n  nodeName: {node}\n  containers:\n  - name: main\n    \
                 ports: [{{ name: main, containerPort: 5432 }}]\n\
                 status:\n  phase: {phase}\n  podIP: 10.244.0.{number}\n  \
                 podIPs: [{{ ip: 10.244.0.{number} }}, {{ ip: \"fd00:244::{number}\" }}]\n"
            ),
        );
    }

    fn connects(&self, from: &str) -> Outcome {
        let db = self.scene.pod("db").v4().unwrap();
        self.scene.pod(from).connect_tcp(db, 5432).unwrap()
    }

    fn eventually(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let followed = self.scene.status().followed;
            assert!(Instant::now() < deadline, "{what}: {followed:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let output = self.scene.ask("endpoints", &["--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Lets `api` talk to `db`.
fn api_to_db() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile()
}

#[test]
fn pods_are_enforced_behind_the_interfaces_that_they_are_routed_to() {
    let Some(cluster) = Cluster::new("kube-pods", &api_to_db()) else {
        return;
    };
    let _server = cluster.scene.pod("db").serve_tcp(5432).unwrap();
    assert_eq!(cluster.connects("api"), Outcome::Reached);
    assert_eq!(cluster.connects("web"), Outcome::Blocked);

    let interfaces: Vec<(String, Option<String>)> = cluster
        .endpoints()
        .into_iter()
        .map(|one| (one.name, one.interface))
        .collect();
    let expected =
        ["api", "db", "web"].map(|name| (format!("shop/{name}"), Some(format!("veth-{name}"))));
    assert_eq!(interfaces, expected);
    let output = cluster.scene.ask("peers", &["--json"]);
    let peers: Vec<Peer> = serde_json::from_slice(&output.stdout).unwrap();
    let kind = |name: &str| {
        let peer = peers.iter().find(|peer| peer.name == name).unwrap();
        (
            peer.kind.clone(),
            peer.addresses.len(),
            peer.interface.clone(),
        )
    };
    assert_eq!(kind("node-1"), ("host".to_owned(), 3, None));
    assert_eq!(kind("node-2"), ("remote_node".to_owned(), 1, None));
    assert_eq!(kind("shop/elsewhere"), ("endpoint".to_owned(), 2, None));
}

#[test]
fn a_label_of_a_pod_takes_effect_on_its_live_connections() {
    let Some(cluster) = Cluster::new("kube-live", &api_to_db()) else {
        return;
    };
    let _server = cluster.scene.pod("db").serve_tcp(5432).unwrap();
    let db = cluster.scene.pod("db").v4().unwrap();
    let mut live = cluster.scene.pod("api").open_tcp(db, 5432).unwrap();
    live.set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut answered = || {
        live.write_all(b"?").unwrap();
        live.read(&mut [0; 16]).is_ok_and(|bytes| bytes > 0)
    };
    assert!(answered());
    let changes = |cluster: &Cluster| cluster.scene.status().followed.unwrap().changes;
    let before = changes(&cluster);
    cluster.pod("api", 12, "other", "Running");
    cluster.eventually("the change is in force", |cluster| {
        changes(cluster) > before
    });
    assert!(!answered(), "a live connection outlives its peer's label");
    cluster.pod("web", 11, "api", "Running");
    cluster.eventually("web may talk to db", |cluster| {
        cluster.connects("web") == Outcome::Reached
    });
}

#[test]
fn a_pod_that_has_ended_is_no_endpoint_any_more() {
    let Some(cluster) = Cluster::new("kube-ended", &api_to_db()) else {
        return;
    };
    let _server = cluster.scene.pod("db").serve_tcp(5432).unwrap();
    assert_eq!(cluster.connects("api"), Outcome::Reached);
    cluster.pod("api", 12, "api", "Succeeded");
    cluster.eventually("api is gone", |cluster| cluster.endpoints().len() == 2);
    // Its interface is still there, and is nobody's.
    assert_eq!(cluster.connects("api"), Outcome::Blocked);
}

#[test]
fn labels_of_namespaces_count() {
    let of_team = SelectorExpr::NamespaceLabel {
        key: "team".to_owned(),
        operator: LabelOperator::In(vec!["payments".to_owned()]),
    };
    let bundle = Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, of_team, tcp(5432))
        .compile();
    let Some(cluster) = Cluster::new("kube-namespace", &bundle) else {
        return;
    };
    let _server = cluster.scene.pod("db").serve_tcp(5432).unwrap();
    assert_eq!(cluster.connects("api"), Outcome::Reached);
    cluster.namespace("shipping");
    cluster.eventually("the team is another", |cluster| {
        cluster.connects("api") == Outcome::Blocked
    });
}

#[test]
fn a_pod_without_a_route_is_found_when_it_has_one() {
    let Some(cluster) = Cluster::new("kube-route", &api_to_db()) else {
        return;
    };
    let _server = cluster.scene.pod("db").serve_tcp(5432).unwrap();
    let route = |arguments: &[&str]| {
        let run = || std::process::Command::new("ip").args(arguments).status();
        assert!(
            cluster
                .scene
                .testbed
                .in_node(run)
                .unwrap()
                .unwrap()
                .success()
        );
    };
    let interface = |cluster: &Cluster| {
        let endpoints = cluster.endpoints();
        let web = endpoints.iter().find(|one| one.name == "shop/web").unwrap();
        web.interface.clone()
    };
    route(&["route", "del", "10.244.0.11/32"]);
    route(&["-6", "route", "del", "fd00:244::11/128"]);
    cluster.eventually("nobody knows where web is", |cluster| {
        interface(cluster).is_none()
    });
    let listed = text(&cluster.scene.ask("endpoints", &[]).stdout);
    assert!(listed.contains("(no route)"), "{listed}");
    // The others are none the worse for it.
    assert_eq!(cluster.connects("api"), Outcome::Reached);
    route(&[
        "route",
        "add",
        "10.244.0.11/32",
        "dev",
        "veth-web",
        "src",
        "10.244.0.1",
    ]);
    cluster.eventually("web is found", |cluster| {
        interface(cluster).as_deref() == Some("veth-web")
    });
    assert_eq!(cluster.connects("web"), Outcome::Blocked);
}

#[test]
fn what_is_no_inventory_is_named() {
    let Some(cluster) = Cluster::new("kube-other", &api_to_db()) else {
        return;
    };
    cluster.write(
        "web-deployment",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\n",
    );
    cluster.eventually("it is said", |cluster| {
        let problem = cluster.scene.status().followed.unwrap().problem;
        problem.is_some_and(|problem| {
            problem.contains("web-deployment.yaml")
                && problem.contains("Deployment `shop/web` of apps/v1 is not inventory")
        })
    });
}
