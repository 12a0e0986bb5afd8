//! A large cluster of Kubernetes objects: check, and connections.

use std::fmt::Write as _;

use polc_cluster::Cluster;
use polc_connections::Connections;
use polc_frontend::Database;

use crate::statistics::{peak_memory, row};

/// Policies of the cluster: one for every other pod.
const POLICIES: usize = 5_000;

/// Pods of the cluster.
const PODS: usize = 10_000;

/// Namespaces of the cluster.
const NAMESPACES: usize = 100;

pub(crate) fn run() {
    let (policies, objects) = (policies(), objects());
    let read = || {
        let mut database = Database::default();
        database.set_file("policies.yaml", policies.as_str());
        database.set_file("objects.yaml", objects.as_str());
        database.set_name("cluster");
        database
    };
    println!("{POLICIES} policies, {PODS} pods");
    row(
        "  check, cold: analysis and lints",
        3,
        "2000 ms",
        read,
        |database| {
            let analysis = database.analyze();
            let context = polc_lint::Context::new(database, &analysis.model);
            let _ = polc_lint::run(&context, &analysis.lint_levels);
        },
    );
    row("  analysis alone, cold", 3, "", read, |database| {
        let _ = database.analyze();
    });
    row("  connections, cold", 3, "10000 ms", read, |database| {
        let analysis = database.analyze();
        let files = [
            ("policies.yaml", policies.as_str()),
            ("objects.yaml", objects.as_str()),
        ];
        let (cluster, _) = Cluster::read(files);
        let connections = Connections::of(&analysis.model, &cluster);
        let mut text = String::new();
        for connection in &connections.connections {
            let ends = [connection.source, connection.destination];
            let [source, destination] = ends.map(|end| connections.peer(end));
            if let (Some(source), Some(destination)) = (source, destination) {
                let keys = connections.keys(connection);
                let _ = writeln!(text, "{source} => {destination} : {keys}");
            }
        }
        println!("  {} connections", connections.connections.len());
    });
    if let Some(memory) = peak_memory() {
        println!("  at most {memory} MiB of memory");
    }
}

/// Every namespace isolates its pods. Half of them are let talk to the next, on a port of their own.
fn policies() -> String {
    let mut text = String::new();
    for number in 0..POLICIES {
        let (namespace, app) = (number % NAMESPACES, number / NAMESPACES);
        let next = app + 1;
        let port = 1024 + number % 1000;
        let _ = write!(
            text,
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: app-{app}, namespace: n-{namespace} }}
spec:
  podSelector: {{ matchLabels: {{ app: a-{app} }} }}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {{ matchLabels: {{ app: a-{next} }} }}
    - namespaceSelector: {{ matchLabels: {{ team: t-{} }} }}
      podSelector: {{ matchLabels: {{ app: a-{app} }} }}
    ports: [{{ port: {port} }}, {{ port: http }}]
  egress:
  - to: [{{ podSelector: {{}} }}]
  - to: [{{ ipBlock: {{ cidr: 10.{namespace}.0.0/16 }} }}]
    ports: [{{ port: 443 }}]
",
            namespace % 10
        );
    }
    for namespace in 0..NAMESPACES {
        let _ = write!(
            text,
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: isolated, namespace: n-{namespace} }}
spec: {{ podSelector: {{}}, policyTypes: [Ingress, Egress] }}
"
        );
    }
    text
}

fn objects() -> String {
    let mut text = String::new();
    for namespace in 0..NAMESPACES {
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Namespace
metadata: {{ name: n-{namespace}, labels: {{ team: t-{} }} }}
",
            namespace % 10
        );
    }
    for number in 0..PODS {
        let (namespace, app) = (number % NAMESPACES, number / NAMESPACES);
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Pod
metadata: {{ name: pod-{number}, namespace: n-{namespace}, labels: {{ app: a-{app} }} }}
spec: {{ containers: [{{ name: c, ports: [{{ name: http, containerPort: 8080 }}] }}] }}
"
        );
    }
    text
}
