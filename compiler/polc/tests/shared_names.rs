//! Objects of different kinds may have one name, in Kubernetes and here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod support;

use support::Files;

const NETWORK_POLICY: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress: [{ from: [{ podSelector: { matchLabels: { app: cart } } }] }]
";

const CILIUM: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: { name: web, namespace: shop }
specs:
- endpointSelector: { matchLabels: { app: web } }
  ingress: [{ fromEndpoints: [{ matchLabels: { app: db } }] }]
- endpointSelector: { matchLabels: { app: web } }
  ingress: [{ fromEndpoints: [{ matchLabels: { app: api } }] }]
";

const ADMIN: &str = "apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: { name: default }
spec:
  priority: 1
  subject: { namespaces: {} }
  ingress: [{ action: Pass, from: [{ namespaces: {} }] }]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: { name: default }
spec:
  subject: { namespaces: {} }
  ingress: [{ action: Deny, from: [{ namespaces: {} }] }]
";

const CHECKS: &str = "package shop
test \"each policy has a name of its own\" {
  given web  = endpoint { app: \"web\" } in namespace \"shop\"
  given cart = endpoint { app: \"cart\" } in namespace \"shop\"
  given db   = endpoint { app: \"db\" } in namespace \"shop\"
  given api  = endpoint { app: \"api\" } in namespace \"shop\"
  cart -> web tcp 80 is allowed by \"shop/web:NetworkPolicy\"
  db -> web tcp 80 is allowed by \"shop/web:CiliumNetworkPolicy\"
  api -> web tcp 80 is allowed by \"shop/web:CiliumNetworkPolicy#2\"
  web -> db tcp 80 is denied by \"default:BaselineAdminNetworkPolicy\"
}
";

#[test]
fn objects_of_different_kinds_may_have_one_name() {
    let files = Files::new([
        ("shop/a.yaml", NETWORK_POLICY),
        ("shop/b.yaml", CILIUM),
        ("shop/c.yaml", ADMIN),
        ("shop/checks.pol", CHECKS),
    ]);
    let run = files.polc(&["test", "--format", "plain", "shop"]);
    assert_eq!((run.code, run.out.as_str()), (0, "4 passed, 0 failed\n"));
}

#[test]
fn alone_they_have_their_own_names() {
    let checks = "package shop
test \"the name alone\" {
  given web  = endpoint { app: \"web\" } in namespace \"shop\"
  given cart = endpoint { app: \"cart\" } in namespace \"shop\"
  cart -> web tcp 80 is allowed by \"shop/web\"
}
";
    let files = Files::new([("shop/a.yaml", NETWORK_POLICY), ("shop/checks.pol", checks)]);
    let run = files.polc(&["test", "--format", "plain", "shop"]);
    assert_eq!((run.code, run.out.as_str()), (0, "1 passed, 0 failed\n"));
}

#[test]
fn objects_of_one_kind_may_not() {
    let files = Files::new([
        ("shop/a.yaml", NETWORK_POLICY),
        ("shop/b.yaml", NETWORK_POLICY),
        ("shop/c.yaml", CILIUM),
    ]);
    let run = files.polc(&["check", "--format", "plain", "shop"]);
    assert_eq!(run.code, 1, "{}", run.out);
    let twice = "error[P0103]: two policies are called `shop/web:NetworkPolicy`";
    assert!(run.out.contains(twice), "{}", run.out);
}

/// What `polc convert` writes has names that `.pol` files may have.
#[test]
fn they_are_converted_with_their_names() {
    let files = Files::new([("a.yaml", NETWORK_POLICY), ("b.yaml", CILIUM)]);
    let run = files.polc(&["convert", "a.yaml", "b.yaml"]);
    assert_eq!(run.code, 0, "{}", run.out);
    for name in [
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "CiliumNetworkPolicy#2",
    ] {
        let name = format!("web:{name}\"");
        assert!(run.out.contains(&name), "{name}: {}", run.out);
    }
}
