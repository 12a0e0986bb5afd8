//! What objects say, and what is refused.

use std::sync::Arc;

use polc_model::{Action, Isolation, SelectorExpr, Tier};

use crate::{Definitions, File, Policy, read};

fn file(text: &str) -> File {
    read(&Arc::from("a.yaml"), text, &Definitions::default())
}

/// An object with these rules of a direction.
fn admin(rules: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{ name: web }}
spec:
  priority: 7
  subject: {{ namespaces: {{}} }}
  {rules}
"
    )
}

fn policies(text: &str) -> Vec<Policy> {
    let read = file(text);
    assert!(read.diagnostics.is_empty(), "{:#?}", read.diagnostics);
    read.policies
}

fn headlines(text: &str) -> Vec<String> {
    let found = file(text).diagnostics;
    found.into_iter().map(|one| one.headline).collect()
}

#[test]
fn rules_with_one_action_in_a_row_are_a_policy() {
    let peers = "from: [{ namespaces: {} }]";
    let actions = ["Allow", "Allow", "Deny", "Allow", "Pass"];
    let rules: Vec<String> = actions
        .iter()
        .map(|action| format!("{{ action: {action}, {peers} }}"))
        .collect();
    let text = admin(&format!("ingress: [{}]", rules.join(", ")));
    let policies = policies(&text);
    let found: Vec<(&str, u32, Tier, Vec<Action>)> = policies
        .iter()
        .map(|policy| {
            let actions = policy.rules.iter().map(|rule| rule.action).collect();
            (policy.name.as_str(), policy.priority, policy.tier, actions)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("web", 1792, Tier::Admin, vec![Action::Allow, Action::Allow]),
            ("web#2", 1793, Tier::Admin, vec![Action::Deny]),
            ("web#3", 1794, Tier::Admin, vec![Action::Allow]),
            ("web#4", 1795, Tier::Admin, vec![Action::Pass]),
        ]
    );
    assert_eq!(policies[0].ingress, Some(Isolation::DefaultAllow));
    assert_eq!(policies[0].egress, None);
}

#[test]
fn directions_are_numbered_on_their_own() {
    let text = admin(
        "ingress: [{ action: Deny, from: [{ namespaces: {} }] }]
  egress: [{ action: Allow, to: [{ namespaces: {} }] }, { action: Deny, to: [{ networks: [0.0.0.0/0] }] }]",
    );
    let policies = policies(&text);
    let rules: Vec<usize> = policies.iter().map(|policy| policy.rules.len()).collect();
    assert_eq!(rules, [2, 1]);
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    let cases = [
        (
            "ingress: [{ action: Drop, from: [{ namespaces: {} }] }]",
            "there is no action `Drop`",
        ),
        (
            "ingress: [{ action: Deny, from: [] }]",
            "`from` needs at least one item",
        ),
        (
            "ingress: [{ action: Deny, from: [{ networks: [0.0.0.0/0] }] }]",
            "an item of `from` has no field `networks`",
        ),
        (
            "egress: [{ action: Deny, to: [{ namespaces: {}, networks: [0.0.0.0/0] }] }]",
            "an item of `to` has `namespaces` and `networks`",
        ),
        (
            "egress: [{ action: Deny, to: [{ domainNames: [example.com] }] }]",
            "`domainNames` is only for rules that allow",
        ),
        (
            "egress: [{ action: Allow, to: [{ domainNames: ['*'] }] }]",
            "`*` is not the name of a domain",
        ),
        (
            "egress: [{ action: Allow, to: [{ networks: ['::ffff:1.2.3.4/128'] }] }]",
            "`::ffff:1.2.3.4/128` has an IPv4 address in an IPv6 one",
        ),
        (
            "egress: [{ action: Allow, to: [{ networks: [10.0.0.0/8] }], ports: [{ namedPort: http }] }]",
            "`networks` have no port named `http`",
        ),
        (
            "egress: [{ action: Allow, to: [{ namespaces: {} }], ports: [{ portRange: { start: 9, end: 8 } }] }]",
            "the range 9 to 8 ends before it starts",
        ),
        (
            "egress: [{ action: Allow, to: [{ pods: { podSelector: {} } }] }]",
            "`pods` needs `namespaceSelector`",
        ),
        (
            "egress: [{ action: Allow, to: [{ nodes: { matchLabel: {} } }] }]",
            "`nodes` has no field `matchLabel`",
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(headlines(&admin(rules)), [expected], "{rules}");
    }
}

#[test]
fn the_baseline_is_one_object_without_priority() {
    let text = admin("ingress: [{ action: Pass, from: [{ namespaces: {} }] }]")
        .replace("kind: Admin", "kind: BaselineAdmin");
    assert_eq!(
        headlines(&text),
        [
            "a BaselineAdminNetworkPolicy is named `default`, not `web`",
            "the `spec` of a BaselineAdminNetworkPolicy has no field `priority`",
            "there is no action `Pass`",
        ]
    );
}

#[test]
fn a_cluster_network_policy_has_tier_and_protocols() {
    let text = admin(
        "tier: Baseline
  ingress: [{ action: Accept, from: [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: web } } } }],
    protocols: [{ tcp: { destinationPort: { number: 80 } } }, { udp: { destinationPort: { range: { start: 1, end: 9 } } } }, { destinationNamedPort: http }] }]",
    )
    .replace("v1alpha1", "v1alpha2")
    .replace("kind: Admin", "kind: Cluster");
    let policies = policies(&text);
    assert_eq!(policies[0].tier, Tier::Baseline);
    assert_eq!(policies[0].rules[0].peer.text, "{ app: \"web\" }");
    let polc_model::L4Match::Of(terms) = &policies[0].rules[0].l4 else {
        panic!("ports are given");
    };
    assert_eq!(terms.len(), 5);
}

#[test]
fn nodes_and_names_of_domains_are_peers() {
    let rules = "egress: [{ action: Allow, to: [{ nodes: { matchLabels: { zone: a } } }, { nodes: {} }, \
                 { domainNames: [example.com, '*.example.org'] }] }]";
    let file = file(&admin(rules));
    assert_eq!(file.diagnostics, []);
    let peers = file.policies.iter().flat_map(|policy| &policy.rules);
    let peers: Vec<&str> = peers.map(|rule| rule.peer.text.as_str()).collect();
    assert_eq!(
        peers,
        [
            "nodes { zone: \"a\" }",
            "host | remote_node",
            "example.com | *.example.org"
        ]
    );
    let names = file.policies.iter().flat_map(|policy| &policy.rules);
    let last = names.map(|rule| &rule.peer.expr).next_back();
    let dns = |name: &str| SelectorExpr::Dns(name.to_owned());
    let expected = SelectorExpr::AnyOf(vec![dns("**.example.org"), dns("example.com")]);
    assert_eq!(last, Some(&expected));
}
