//! Lints on objects of Kubernetes: what comments say about them, and advice in YAML.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod support;

use support::Files;

/// Two rules with whole blocks of one family; `{}` are places for comments.
fn policy(before_all: &str, before_first: &str) -> String {
    format!(
        "{before_all}apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: web, namespace: shop }}
spec:
  podSelector: {{}}
  ingress:
{before_first}  - from: [{{ ipBlock: {{ cidr: 0.0.0.0/0 }} }}]
    ports: [{{ port: 80 }}]
  - from: [{{ ipBlock: {{ cidr: 0.0.0.0/0 }} }}]
    ports: [{{ port: 443 }}]
"
    )
}

/// The exit code, the lines with findings, and everything.
fn check(policy: &str) -> (i32, Vec<u32>, String) {
    let files = Files::new([("shop/web.yaml", policy)]);
    let run = files.polc(&["check", "--format", "plain", "shop"]);
    let findings = run.out.lines().filter(|line| line.contains("[P0810]"));
    let lines = findings.map(|line| {
        let line = line.split(':').nth(1).unwrap();
        line.parse().unwrap()
    });
    (run.code, lines.collect(), run.out)
}

#[test]
fn a_comment_silences_what_begins_behind_it() {
    assert_eq!(check(&policy("", "")).1, [7, 9]);
    let before_rule = policy(
        "",
        "  # Both families: see #12.\n  # @allow(one_family_block)\n",
    );
    assert_eq!(check(&before_rule).1, [11]);
    let before_all = policy("# @allow(one_family_block, world_open)\n---\n", "");
    let (code, lines, said) = check(&before_all);
    assert_eq!((code, lines), (0, vec![]), "{said}");
}

#[test]
fn a_comment_can_make_an_error_of_it() {
    let before_rule = policy(
        "# @allow(one_family_block)\n",
        "  # @deny(one_family_block)\n",
    );
    let (code, lines, said) = check(&before_rule);
    assert_eq!((code, lines), (1, vec![9]), "{said}");
    assert!(said.contains("error[P0810]"), "{said}");
}

#[test]
fn a_lint_that_does_not_exist_is_named_where_it_stands() {
    let (_, _, said) = check(&policy("", "  # @allow(one_family_blocks)\n"));
    assert!(
        said.contains("shop/web.yaml:7:12: warning[P0824]: there is no lint `one_family_blocks`"),
        "{said}"
    );
}

#[test]
fn advice_is_in_yaml() {
    let policy = policy("", "");
    let files = Files::new([("shop/web.yaml", policy.as_str())]);
    let run = files.polc(&["check", "--format", "human", "shop"]);
    assert!(run.out.contains("help: allow `::/0`, too"), "{}", run.out);
    let comment = "the comment `# @allow(one_family_block)` before it says otherwise";
    assert!(run.out.contains(comment), "{}", run.out);
}
