//! The checks of a freshly installed cluster: Deployments whose probes open connections, with policies
//! that some of them are about. `polc connections --probes` says of each whether it succeeds.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that panics fails, and it reads files of its own"
)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::Files;

/// What `--probes` says of a file, as text and for programs.
fn probes(path: &Path) -> (String, Vec<Value>) {
    let path = path.to_string_lossy();
    let run = |format: &str| {
        let arguments = ["connections", "--probes", "--format", format, &*path];
        let run = support::Run::from(support::command(&arguments).output().unwrap());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.out
    };
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    (run("txt"), json.as_array().unwrap().clone())
}

#[test]
fn each_check_succeeds_as_it_expects() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/connectivity-check");
    for (name, checks) in [
        ("connectivity-check.yaml", 14),
        ("connectivity-check-single-node.yaml", 9),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            eprintln!("skipped: there is no {}", path.display());
            continue;
        }
        let (text, json) = probes(&path);
        assert_eq!(json.len(), checks, "{name}");
        for probe in &json {
            assert_eq!(probe["as_expected"], true, "{name}: {probe}");
        }
        let denied = |probe: &&Value| probe["outcome"] == "denied";
        assert_eq!(json.iter().filter(denied).count(), 1, "{name}");
        assert!(text.lines().all(|line| line.ends_with(", as it expects")));
    }
}

#[test]
fn a_policy_changes_what_becomes_of_probes() {
    let cluster = "apiVersion: apps/v1
kind: Deployment
metadata: { name: client, namespace: shop }
spec:
  template:
    metadata: { labels: { app: client } }
    spec:
      containers:
      - name: main
        readinessProbe: { exec: { command: [curl, -s, web/health] } }
        livenessProbe: { exec: { command: [sh, -c, '! curl -s web:81'] } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: main
        ports: [{ name: http, containerPort: 8080 }]
        readinessProbe: { exec: { command: [curl, 'nobody:80'] } }
        livenessProbe: { exec: { command: [curl, 'https://192.0.2.1'] } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  policyTypes: [Ingress, Egress]
  ingress: [{ from: [{ podSelector: {} }], ports: [{ port: PORT }] }]
";
    let files = Files::new([
        ("open.yaml", &*cluster.replace("PORT", "8080")),
        ("shut.yaml", &*cluster.replace("PORT", "80")),
    ]);
    let said = |name: &str| -> Vec<String> {
        let (text, _) = probes(&files.path().join(name));
        let outcome = |line: &str| line.rsplit(" : ").next().unwrap().to_owned();
        text.lines().map(outcome).collect()
    };
    let mut open = said("open.yaml");
    open.sort();
    assert_eq!(
        open,
        [
            "allowed, as it expects",
            "asks for somebody who is not known",
            "denied, as it expects",
            "denied, which it does not expect",
        ]
    );
    let mut shut = said("shut.yaml");
    shut.sort();
    assert_eq!(
        shut,
        [
            "asks for somebody who is not known",
            "denied, as it expects",
            "denied, which it does not expect",
            "denied, which it does not expect",
        ]
    );
}
