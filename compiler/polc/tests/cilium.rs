//! Policies of Cilium from end to end: what they refer to, and what `--permissive` makes of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod support;

use support::{Files, snapshot};

const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  endpointSelector: { matchLabels: { app: web } }
  egress:
  - toServices: [{ k8sService: { serviceName: cart, namespace: shop } }]
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
";

const CHECKS: &str = "package shop
test \"who may talk to whom\" {
  given web  = endpoint { app: \"web\" } in namespace \"shop\"
  given cart = endpoint { app: \"cart\" } in namespace \"shop\"
  given db   = endpoint { app: \"db\" } in namespace \"shop\"
  web -> cart tcp 80 is allowed
  web -> db tcp 80 is denied
}
";

#[test]
fn services_are_found_in_the_files_beside_the_policies() {
    let files = Files::new([
        ("shop/web.yaml", POLICY),
        ("shop/cart.yaml", SERVICE),
        ("shop/checks.pol", CHECKS),
        // Not referred to, and not even YAML.
        ("shop/other.yaml", "{{ template }}"),
    ]);
    let run = files.polc(&["test", "--format", "plain", "shop"]);
    assert_eq!((run.code, run.out.as_str()), (0, "2 passed, 0 failed\n"));
}

#[test]
fn a_policy_that_is_named_alone_knows_no_services() {
    let files = Files::new([("web.yaml", POLICY), ("cart.yaml", SERVICE)]);
    let arguments = ["check", "--format", "plain", "web.yaml"];
    let run = files.polc(&arguments);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("warning[P1009]"), "{}", run.out);
    let run = files.polc(&["check", "--format", "plain", "web.yaml", "cart.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
}

const UNSUPPORTED: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  endpointSelector: { matchLabels: { app: web } }
  ingress:
  - fromEndpoints: [{ matchLabels: { app: cart } }]
    authentication: { mode: required }
  - fromEndpoints: [{ matchLabels: { app: db } }]
  ingressDeny:
  - fromEndpoints: [{}]
    fromRequires: [{ matchLabels: { env: prod } }]
    toPorts: [{ ports: [{ port: \"22\", protocol: TCP }] }]
";

const CLOSED: &str = "package shop
test \"what is not supported allows nothing and denies all it could\" {
  given web  = endpoint { app: \"web\" } in namespace \"shop\"
  given cart = endpoint { app: \"cart\" } in namespace \"shop\"
  given db   = endpoint { app: \"db\" } in namespace \"shop\"
  cart -> web tcp 80 is denied
  db -> web tcp 80 is allowed
  db -> web tcp 22 is denied
}
";

#[test]
fn what_is_not_supported_is_an_error_unless_it_is_permitted() {
    let files = Files::new([("web.yaml", UNSUPPORTED), ("checks.pol", CLOSED)]);
    for (name, arguments) in [
        ("strict_check", &["check", "."][..]),
        ("permissive_check", &["check", "--permissive", "."]),
        ("strict_test", &["test", "."]),
        ("permissive_test", &["test", "--permissive", "."]),
    ] {
        let run = files.polc(arguments);
        let is_permissive = name.starts_with("permissive");
        assert_eq!(run.code, i32::from(!is_permissive), "{name}: {}", run.err);
        snapshot("cli", name, &run.shown(arguments));
    }
    let build = ["build", "--permissive", ".", "--format", "plain"];
    let run = files.polc(&build);
    assert_eq!(run.code, 0, "{}", run.err);
    let warnings = run.out.matches("warning[P0003]").count();
    assert_eq!(
        warnings, 2,
        "a bundle never says less than it leaves out: {}",
        run.out
    );
}
