//! What files say, and that no text is too broken to read.

use std::sync::Arc;

use polc_diagnostics::Code;
use polc_model::{Isolation, L4Match, L4Term, PortProtocol, PortRange};
use proptest::prelude::*;

use crate::{Definitions, File, read};

const WEB: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop, labels: &labels { app: web } }
spec:
  podSelector: { matchLabels: *labels }
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: { matchExpressions: [{ key: app, operator: In, values: [cart, api] }] }
      namespaceSelector: { matchLabels: { team: shop } }
    - ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16] }
    ports: [{ port: 8080, endPort: 8089 }, { port: http, protocol: UDP }]
  egress: [{}]
";

fn file(text: &str) -> File {
    read(&Arc::from("a.yaml"), text, &Definitions::default())
}

fn headlines(text: &str) -> Vec<String> {
    let found = file(text).diagnostics;
    found.into_iter().map(|one| one.headline).collect()
}

#[test]
fn a_policy_is_read_with_every_field() {
    let read = file(WEB);
    assert!(read.diagnostics.is_empty(), "{:#?}", read.diagnostics);
    let policy = &read.policies[0];
    assert_eq!(policy.name, "shop/web");
    assert_eq!(
        policy.subject.text,
        "{ app: \"web\" } in namespace \"shop\""
    );
    assert_eq!(policy.ingress, Some(Isolation::Isolates));
    assert_eq!(policy.egress, Some(Isolation::Isolates));
    let peers: Vec<&str> = policy
        .rules
        .iter()
        .map(|rule| rule.peer.text.as_str())
        .collect();
    assert_eq!(
        peers,
        [
            "{ app in [\"api\", \"cart\"] } in namespace { team: \"shop\" }",
            "10.0.0.0/8 - 10.1.0.0/16",
            "all",
        ]
    );
    let ports = L4Match::Of(vec![
        L4Term::Ports {
            protocol: PortProtocol::Tcp,
            ports: PortRange {
                first: 8080,
                last: 8089,
            },
        },
        L4Term::NamedPort {
            protocol: PortProtocol::Udp,
            name: "http".to_owned(),
        },
    ]);
    assert_eq!(policy.rules[0].l4, ports);
    assert_eq!(policy.rules[1].l4, ports);
    assert_eq!(policy.rules[2].l4, L4Match::Any);
    let name = policy.span.start as usize..policy.span.end as usize;
    assert_eq!(WEB.get(name), Some("web"));
    let rule = WEB.get(policy.rules[1].span.start as usize..).unwrap();
    assert!(rule.starts_with("ipBlock: { cidr"));
}

#[test]
fn the_sample_of_cilium_is_understood() {
    let codes = file(CILIUM).diagnostics.into_iter().map(|one| one.code);
    // It refers to what it does not hold.
    let codes: Vec<Code> = codes.collect();
    assert_eq!(codes, [Code::UnknownReference, Code::UnknownReference]);
}

#[test]
fn lists_and_documents_hold_several_objects() {
    let item = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}}}";
    let text = format!(
        "{WEB}---\n# nothing\n---\napiVersion: v1\nkind: List\nitems: [{item}, {{apiVersion: v1, kind: Pod}}]\n"
    );
    let read = file(&text);
    let names: Vec<&str> = read
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["shop/web", "default/a"]);
    assert_eq!(read.objects, 3);
    assert_eq!(read.policies[1].egress, None);
}

#[test]
fn one_mistake_is_said_once_and_several_are_all_said() {
    let text = WEB
        .replace("policyTypes", "policyType")
        .replace("operator: In,", "operator: Is,")
        .replace("8089", "8000");
    assert_eq!(
        headlines(&text),
        [
            "the `spec` of a NetworkPolicy has no field `policyType`",
            "there is no operator `Is`",
            "the range 8080 to 8000 ends before it starts",
        ]
    );
}

#[test]
fn what_was_not_understood_allows_nothing() {
    let text = WEB
        .replace("10.0.0.0/8", "10.0.0/8")
        .replace("operator: In,", "");
    let read = file(&text);
    assert_eq!(read.diagnostics.len(), 2, "{:#?}", read.diagnostics);
    let peers: Vec<&str> = read.policies[0]
        .rules
        .iter()
        .map(|rule| rule.peer.text.as_str())
        .collect();
    assert_eq!(peers, ["all"]);
}

/// Bits of text that mean something to YAML or to the API.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-:{}\\[\\],&*#!|>'\"%@`~ \n\t]{1,3}",
        "\\PC{0,3}",
        Just("*labels".to_owned()),
        Just("<<: *labels".to_owned()),
        Just("null".to_owned()),
        Just("---\n".to_owned()),
        Just("kind: List".to_owned()),
        Just("é".to_owned()),
    ]
}

const CILIUM: &str = "apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: { name: web }
specs:
- nodeSelector: { matchLabels: &labels { 'node:zone': a } }
  enableDefaultDeny: { egress: false }
  egress: [{ toNodes: [{ matchLabels: *labels }] }]
- endpointSelector: { matchLabels: { 'k8s:io.kubernetes.pod.namespace': shop } }
  ingress:
  - fromCIDRSet: [{ cidr: 10.0.0.0/8, except: [10.1.0.0/16] }, { cidrGroupRef: a }]
    toPorts: [{ ports: [{ port: '80', endPort: 90, protocol: TCP }], rules: { http: [{ path: '/a.*', headers: ['X: 1'] }] } }]
  egress:
  - toFQDNs: [{ matchName: a.org }, { matchPattern: '*.org' }]
  - toServices: [{ k8sService: { serviceName: a } }]
  - toEntities: [world]
    icmps: [{ fields: [{ type: EchoRequest, family: IPv6 }, { type: 8 }] }]
  - toPorts: [{ ports: [{ port: '53' }], rules: { dns: [{ matchPattern: '*' }] } }]
  ingressDeny: [{ fromEndpoints: [{ matchExpressions: [{ key: 'reserved:init', operator: Exists }] }] }]
";

proptest! {
    #[test]
    fn every_text_is_read_and_every_place_is_in_it(
        sample in prop_oneof![Just(WEB), Just(CILIUM)],
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece()), 0..6)
    ) {
        let mut text = sample.to_owned();
        for (at, length, piece) in changes {
            let mut characters: Vec<char> = text.chars().collect();
            let start = at.index(characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters.splice(start..end, piece.chars());
            text = characters.into_iter().collect();
        }
        let read = file(&text);
        for diagnostic in &read.diagnostics {
            let fix = diagnostic.fix.as_ref().map(|fix| &fix.place);
            let labels = diagnostic.secondary.iter().map(|label| &label.place);
            for place in labels.chain(fix).chain([&diagnostic.primary.place]) {
                let range = place.range.start as usize..place.range.end as usize;
                prop_assert!(text.get(range).is_some(), "{diagnostic:?}");
            }
        }
        for rule in read.policies.iter().flat_map(|policy| &policy.rules) {
            let range = rule.span.start as usize..rule.span.end as usize;
            prop_assert!(text.get(range).is_some());
        }
    }
}
