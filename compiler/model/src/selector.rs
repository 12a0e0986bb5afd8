//! Predicates over a peer, and the facts that they are asked about.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{NamedPorts, l4::NO_PORTS};

/// Labels of an endpoint.
pub type Labels = BTreeMap<String, String>;

/// An interned predicate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// The predicate.
    pub expr: SelectorExpr,
    /// How the source writes it: a name, or the expression itself. For people.
    pub text: String,
}

/// A predicate over a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectorExpr {
    /// Peers of this kind.
    Entity(Entity),
    /// Endpoints, on this node or another, whose labels pass.
    Label {
        /// The label's key.
        key: String,
        /// What must hold of its value.
        operator: LabelOperator,
    },
    /// Endpoints in this namespace.
    Namespace(String),
    /// Addresses in this block, whoever has them.
    Cidr(IpNet),
    /// Endpoints in a namespace whose labels pass.
    NamespaceLabel {
        /// The label's key.
        key: String,
        /// What must hold of its value.
        operator: LabelOperator,
    },
    /// Nodes, this one and others, whose labels pass.
    NodeLabel {
        /// The label's key.
        key: String,
        /// What must hold of its value.
        operator: LabelOperator,
    },
    /// Addresses that DNS answers for this name, in lower case and without a final dot, or for
    /// those of this pattern: see [`dns_matches`].
    Dns(String),
    /// At least one holds. Empty: nothing.
    AnyOf(Vec<SelectorExpr>),
    /// All hold. Empty: everything.
    AllOf(Vec<SelectorExpr>),
    /// The first holds and the second does not.
    Minus(Box<SelectorExpr>, Box<SelectorExpr>),
}

/// What must hold of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelOperator {
    /// Present, with one of these values. Sorted, without repetition.
    In(Vec<String>),
    /// Absent, or with none of these values. Sorted, without repetition.
    NotIn(Vec<String>),
    /// Present.
    Exists,
    /// Absent.
    Absent,
}

/// Kinds of peers that have a name of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// Everything.
    All,
    /// Nothing.
    None,
    /// Everything that is not managed by us.
    World,
    /// Everything else: endpoints, nodes, and what runs in the cluster besides.
    Cluster,
    /// Every endpoint whose labels are known; what an empty label selector means.
    Endpoints,
    /// The endpoint's own node.
    Host,
    /// Other nodes.
    RemoteNode,
    /// The API servers of the cluster, whatever else they are.
    KubeApiserver,
    /// What checks the health of nodes and endpoints.
    Health,
    /// Proxies that bring traffic into the cluster.
    Ingress,
    /// Workloads of the cluster that polc does not manage.
    Unmanaged,
    /// Endpoints whose labels are not known yet.
    Init,
}

impl Entity {
    /// Every entity.
    pub const ALL: [Self; 12] = [
        Self::All,
        Self::None,
        Self::World,
        Self::Cluster,
        Self::Endpoints,
        Self::Host,
        Self::RemoteNode,
        Self::KubeApiserver,
        Self::Health,
        Self::Ingress,
        Self::Unmanaged,
        Self::Init,
    ];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::None => "none",
            Self::World => "world",
            Self::Cluster => "cluster",
            Self::Endpoints => "endpoints",
            Self::Host => "host",
            Self::RemoteNode => "remote_node",
            Self::KubeApiserver => "kube_apiserver",
            Self::Health => "health",
            Self::Ingress => "ingress",
            Self::Unmanaged => "unmanaged",
            Self::Init => "init",
        }
    }
}

/// What kind of thing a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerKind {
    /// A managed endpoint, on this node or another.
    Endpoint,
    /// A managed endpoint whose labels are not known yet, and not its namespace's either.
    Init,
    /// This node.
    Host,
    /// Another node.
    RemoteNode,
    /// What checks the health of nodes and endpoints.
    Health,
    /// A proxy that brings traffic into the cluster.
    Ingress,
    /// A workload of the cluster that polc does not manage.
    Unmanaged,
    /// Anything else.
    World,
}

impl PeerKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Endpoint,
        Self::Init,
        Self::Host,
        Self::RemoteNode,
        Self::Health,
        Self::Ingress,
        Self::Unmanaged,
        Self::World,
    ];

    /// Whether policies may apply to it. To the node they do where they name it: see
    /// [`SelectorExpr::applies_to`].
    #[must_use]
    pub const fn is_managed(self) -> bool {
        matches!(self, Self::Endpoint | Self::Init | Self::Host)
    }

    /// Whether it is a node, this one or another.
    #[must_use]
    pub const fn is_node(self) -> bool {
        matches!(self, Self::Host | Self::RemoteNode)
    }
}

/// How far an endpoint is known.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its labels are known.
    #[default]
    Ready,
    /// Its labels are not known yet: it is isolated in both directions.
    Init,
}

impl Phase {
    /// Whether its labels are known.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// The kind of such an endpoint.
    #[must_use]
    pub const fn kind(self) -> PeerKind {
        match self {
            Self::Ready => PeerKind::Endpoint,
            Self::Init => PeerKind::Init,
        }
    }
}

/// What is known of a peer when a selector is asked about it.
///
/// `network` is the peer's address as a full-length prefix, or a prefix that no CIDR in the
/// package divides, so that asking about the prefix is asking about each of its addresses. It is
/// `None` where a test gives no address: no block contains it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFacts<'a> {
    /// What kind of thing it is.
    pub kind: PeerKind,
    /// Whether an API server of the cluster is there, besides.
    pub is_kube_apiserver: bool,
    /// The namespace, for endpoints that have one.
    pub namespace: Option<&'a str>,
    /// The labels, for endpoints and nodes.
    pub labels: &'a Labels,
    /// The labels of the namespace, for endpoints.
    pub namespace_labels: &'a Labels,
    /// The names that DNS answers its address for, in lower case and without a final dot.
    pub names: &'a [String],
    /// The ports that it has names for, for endpoints.
    pub ports: &'a NamedPorts,
    /// The address.
    pub network: Option<IpNet>,
}

/// No labels, for peers that have none.
pub static NO_LABELS: Labels = Labels::new();

/// The label that every namespace has: its name.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The label of a pod that is the name of its service account.
pub const SERVICE_ACCOUNT_LABEL: &str = "io.cilium.k8s.policy.serviceaccount";

/// The label of a pod that is the name of its cluster.
pub const CLUSTER_LABEL: &str = "io.cilium.k8s.policy.cluster";

impl PeerFacts<'static> {
    /// The node, whichever of its addresses is meant.
    #[must_use]
    pub fn host() -> Self {
        Self {
            kind: PeerKind::Host,
            is_kube_apiserver: false,
            namespace: None,
            labels: &NO_LABELS,
            namespace_labels: &NO_LABELS,
            names: &[],
            ports: &NO_PORTS,
            network: None,
        }
    }

    /// An address that is not managed by us.
    #[must_use]
    pub fn world(address: IpAddr) -> Self {
        Self {
            kind: PeerKind::World,
            network: Some(IpNet::from(address)),
            ..Self::host()
        }
    }
}

impl SelectorExpr {
    /// Everything.
    pub const ALL: Self = Self::Entity(Entity::All);

    /// Whether the peer satisfies the predicate.
    #[must_use]
    pub fn matches(&self, peer: &PeerFacts<'_>) -> bool {
        match self {
            Self::Entity(Entity::KubeApiserver) => peer.is_kube_apiserver,
            Self::Entity(entity) => entity.matches(peer.kind),
            Self::Label { key, operator } => {
                peer.kind == PeerKind::Endpoint && operator.matches(peer.labels.get(key))
            }
            Self::Namespace(name) => {
                peer.kind == PeerKind::Endpoint && peer.namespace == Some(name.as_str())
            }
            Self::NamespaceLabel { key, operator } => {
                peer.kind == PeerKind::Endpoint && operator.matches(peer.namespace_labels.get(key))
            }
            Self::NodeLabel { key, operator } => {
                peer.kind.is_node() && operator.matches(peer.labels.get(key))
            }
            Self::Dns(pattern) => peer.names.iter().any(|name| dns_matches(pattern, name)),
            Self::Cidr(block) => peer.network.is_some_and(|network| block.contains(&network)),
            Self::AnyOf(alternatives) => alternatives.iter().any(|one| one.matches(peer)),
            Self::AllOf(conditions) => conditions.iter().all(|one| one.matches(peer)),
            Self::Minus(base, except) => base.matches(peer) && !except.matches(peer),
        }
    }

    /// Whether a policy with this subject applies to somebody. To the node only where the subject names
    /// `host` or labels of nodes: no policy for `all` cuts a node off by the way.
    #[must_use]
    pub fn applies_to(&self, somebody: &PeerFacts<'_>) -> bool {
        let is_meant = somebody.kind != PeerKind::Host || self.names_host();
        is_meant && self.matches(somebody)
    }

    /// Whether the node is asked for by name. What is taken away may name it.
    #[must_use]
    pub fn names_host(&self) -> bool {
        match self {
            Self::Entity(entity) => *entity == Entity::Host,
            Self::NodeLabel { .. } => true,
            Self::AnyOf(parts) | Self::AllOf(parts) => parts.iter().any(Self::names_host),
            Self::Minus(base, _) => base.names_host(),
            Self::Label { .. }
            | Self::Namespace(_)
            | Self::NamespaceLabel { .. }
            | Self::Cidr(_)
            | Self::Dns(_) => false,
        }
    }

    /// Calls `visit` with every expression that is not made of others.
    pub fn visit_leaves(&self, visit: &mut impl FnMut(&Self)) {
        match self {
            Self::AnyOf(parts) | Self::AllOf(parts) => {
                for part in parts {
                    part.visit_leaves(visit);
                }
            }
            Self::Minus(base, except) => {
                base.visit_leaves(visit);
                except.visit_leaves(visit);
            }
            leaf => visit(leaf),
        }
    }

    /// Calls `visit` with every CIDR block in the expression.
    pub fn visit_cidrs(&self, visit: &mut impl FnMut(IpNet)) {
        self.visit_leaves(&mut |leaf| {
            if let Self::Cidr(block) = leaf {
                visit(*block);
            }
        });
    }

    /// Whether an expression that is not made of others asks for a peer's address, and so may hold
    /// at one of an endpoint's addresses and not at another.
    #[must_use]
    pub const fn is_of_addresses(&self) -> bool {
        matches!(
            self,
            Self::Cidr(_) | Self::Dns(_) | Self::Entity(Entity::KubeApiserver)
        )
    }

    /// Whether a DNS name is part of the expression.
    #[must_use]
    pub fn asks_for_names(&self) -> bool {
        let mut found = false;
        self.visit_leaves(&mut |leaf| found |= matches!(leaf, Self::Dns(_)));
        found
    }
}

/// Whether a DNS name is one that a pattern describes, label by label: `*` stands for any part of a
/// label, also for none of it, and a first label `**` for any number of labels, at least one.
#[must_use]
pub fn dns_matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        return pattern == name;
    }
    let mut wanted = pattern.rsplit('.');
    let mut labels = name.rsplit('.');
    loop {
        match (wanted.next(), labels.next()) {
            (Some("**"), Some(label)) => {
                return !label.is_empty() && labels.all(|label| !label.is_empty());
            }
            (Some(wanted), Some(label)) if label_matches(wanted, label) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Whether a label of a name is one that a label of a pattern describes.
fn label_matches(pattern: &str, label: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = label.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    // Each part where it occurs first leaves the most for those behind it.
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last) && !label.is_empty()
}

impl Entity {
    /// Whether a peer of this kind belongs to the entity. Of no kind is it known that an API server
    /// is there: [`PeerFacts::is_kube_apiserver`] says so.
    #[must_use]
    pub const fn matches(self, kind: PeerKind) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::World => matches!(kind, PeerKind::World),
            Self::Cluster => !matches!(kind, PeerKind::World),
            Self::Endpoints => matches!(kind, PeerKind::Endpoint),
            Self::Host => matches!(kind, PeerKind::Host),
            Self::RemoteNode => matches!(kind, PeerKind::RemoteNode),
            Self::KubeApiserver => false,
            Self::Health => matches!(kind, PeerKind::Health),
            Self::Ingress => matches!(kind, PeerKind::Ingress),
            Self::Unmanaged => matches!(kind, PeerKind::Unmanaged),
            Self::Init => matches!(kind, PeerKind::Init),
        }
    }
}

impl LabelOperator {
    /// Whether a label's value, or its absence, passes.
    #[must_use]
    pub fn matches(&self, value: Option<&String>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn endpoint<'a>(labels: &'a Labels, address: &str) -> PeerFacts<'a> {
        PeerFacts {
            kind: PeerKind::Endpoint,
            is_kube_apiserver: false,
            namespace: Some("shop"),
            labels,
            namespace_labels: &NO_LABELS,
            names: &[],
            ports: &NO_PORTS,
            network: Some(IpNet::from(address.parse::<IpAddr>().unwrap())),
        }
    }

    fn label(key: &str, operator: LabelOperator) -> SelectorExpr {
        SelectorExpr::Label {
            key: key.to_owned(),
            operator,
        }
    }

    #[test]
    fn labels_never_select_what_has_no_labels() {
        let absent = label("app", LabelOperator::Absent);
        assert!(!absent.matches(&PeerFacts::world("192.0.2.1".parse().unwrap())));
        assert!(absent.matches(&endpoint(&Labels::new(), "10.0.0.1")));
    }

    #[test]
    fn not_in_holds_for_an_absent_label() {
        let not_web = label("app", LabelOperator::NotIn(vec!["web".to_owned()]));
        assert!(not_web.matches(&endpoint(&Labels::new(), "10.0.0.1")));
        assert!(!not_web.matches(&endpoint(&labels(&[("app", "web")]), "10.0.0.1")));
    }

    #[test]
    fn a_cidr_matches_an_endpoint_by_its_address() {
        let block = SelectorExpr::Cidr("10.0.0.0/8".parse().unwrap());
        let except = SelectorExpr::Cidr("10.1.0.0/16".parse().unwrap());
        let expr = SelectorExpr::Minus(Box::new(block), Box::new(except));
        assert!(expr.matches(&endpoint(&Labels::new(), "10.0.0.1")));
        assert!(!expr.matches(&endpoint(&Labels::new(), "10.1.0.1")));
        assert!(!expr.matches(&endpoint(&Labels::new(), "2001:db8::1")));
    }

    #[test]
    fn wildcards_are_parts_of_labels() {
        for (pattern, good, bad) in [
            ("a*c.org", ["ac.org", "a-b-c.org"], ["ab.org", "a.c.org"]),
            ("*a*a.org", ["aa.org", "babab-a.org"], ["a.org", "ab.org"]),
            ("**.org", ["a.org", "a.b.org"], ["org", ".org"]),
            ("**", ["a", "a.b"], ["", ".a"]),
            ("x.*.org", ["x.a.org", "x.b.org"], ["x.org", "x.a.b.org"]),
        ] {
            for name in good {
                assert!(dns_matches(pattern, name), "{pattern} {name}");
            }
            for name in bad {
                assert!(!dns_matches(pattern, name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn labels_of_nodes_select_nodes_only() {
        let zone = labels(&[("zone", "a")]);
        let in_zone = SelectorExpr::NodeLabel {
            key: "zone".to_owned(),
            operator: LabelOperator::In(vec!["a".to_owned()]),
        };
        let node = |kind| PeerFacts {
            kind,
            labels: &zone,
            ..PeerFacts::host()
        };
        assert!(in_zone.matches(&node(PeerKind::Host)));
        assert!(in_zone.matches(&node(PeerKind::RemoteNode)));
        assert!(!in_zone.matches(&endpoint(&zone, "10.0.0.1")));
        assert!(!label("zone", LabelOperator::Exists).matches(&node(PeerKind::Host)));
        assert!(in_zone.applies_to(&node(PeerKind::Host)));
    }

    #[test]
    fn a_wildcard_is_one_label() {
        assert!(dns_matches("*.example.com", "api.example.com"));
        for other in [
            "example.com",
            "a.api.example.com",
            ".example.com",
            "apiexample.com",
        ] {
            assert!(!dns_matches("*.example.com", other), "{other}");
        }
    }

    #[test]
    fn empty_unions_and_intersections_are_nothing_and_everything() {
        let peer = PeerFacts::world("192.0.2.1".parse().unwrap());
        assert!(!SelectorExpr::AnyOf(Vec::new()).matches(&peer));
        assert!(SelectorExpr::AllOf(Vec::new()).matches(&peer));
    }
}
