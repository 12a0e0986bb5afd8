//! `--inventory`: a file, or a directory whose files are parts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod support;

use support::{Files, Run};

const POLICIES: &str = "package shop
policy web for { app: \"web\" } { ingress { allow from { app: \"cart\" } on tcp 80 } }
policy old for { app: \"old\" } { ingress { allow from { app: \"cart\" } on tcp 80 } }
";

const OURS: &str = "endpoints:
- { name: web-1, namespace: shop, labels: { app: web }, addresses: [10.0.0.1] }
";

const POD: &str = "apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: shop, labels: { app: web } }
spec: { nodeName: one }
status: { phase: Running, podIPs: [{ ip: 10.0.0.1 }] }
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [] } }
";

const NAMESPACE: &str = "apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: one } }
";

/// Checks the policies with these files as the inventory's directory.
fn check<'a>(inventory: impl IntoIterator<Item = (&'a str, &'a str)>) -> Run {
    let all = [("shop/shop.pol", POLICIES)].into_iter().chain(inventory);
    let all: Vec<(&str, &str)> = all.collect();
    let files = Files::new(all);
    files.polc(&[
        "check",
        "--format",
        "plain",
        "--inventory",
        "cluster",
        "shop",
    ])
}

/// One policy applies to nobody, and the other to somebody.
fn says_so(run: &Run) {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.out.matches("warning").count(), 1, "{}", run.out);
    assert!(run.out.contains("`old`"), "{}", run.out);
}

#[test]
fn the_files_of_a_directory_are_parts() {
    says_so(&check([
        ("cluster/a.yaml", OURS),
        ("cluster/b.yml", NAMESPACE),
        ("cluster/.c.yaml", "unfinished: ["),
        ("cluster/README.md", "not a part"),
    ]));
    says_so(&check([
        ("cluster/a.yaml", POD),
        ("cluster/b.yaml", NAMESPACE),
    ]));
}

#[test]
fn what_makes_pods_may_be_in_several_files() {
    says_so(&check([
        ("cluster/web.yaml", DEPLOYMENT),
        ("cluster/shop.yaml", NAMESPACE),
    ]));
}

#[test]
fn the_file_that_is_wrong_is_named() {
    let run = check([
        ("cluster/a.yaml", OURS),
        ("cluster/b.yaml", "endpoints: 7\n"),
    ]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("cluster/b.yaml"), "{}", run.err);
    let broken = DEPLOYMENT.replace("app: web } }, spec", "app: 7 } }, spec");
    let run = check([("cluster/a.yaml", NAMESPACE), ("cluster/b.yaml", &broken)]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("cluster/b.yaml`: line 6"), "{}", run.err);
}

#[test]
fn two_parts_that_contradict_each_other_are_refused() {
    let run = check([("cluster/a.yaml", OURS), ("cluster/b.yaml", OURS)]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("shop/web-1"), "{}", run.err);
}

#[test]
fn what_makes_pods_does_not_mix_with_our_own_words() {
    let run = check([("cluster/a.yaml", OURS), ("cluster/b.yaml", DEPLOYMENT)]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("cluster/a.yaml"), "{}", run.err);
    // Nor in one file.
    let both = format!("{DEPLOYMENT}---\n{OURS}");
    let run = check([("cluster/both.yaml", both.as_str())]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("in our own words"), "{}", run.err);
}

#[test]
fn a_directory_without_parts_is_no_inventory() {
    let run = check([("cluster/README.md", "nothing")]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("no file in it ends in"), "{}", run.err);
}
