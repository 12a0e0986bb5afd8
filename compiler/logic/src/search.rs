//! The search for a peer that satisfies a selector.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use polc_model::{Entity, LabelOperator, PeerKind, SelectorExpr, selector::dns_matches};

use crate::{TooComplex, Witness};

/// Partial answers that are tried before giving up.
const BUDGET: usize = 20_000;

pub(crate) fn satisfy(selector: &SelectorExpr) -> Result<Option<Witness>, TooComplex> {
    let mut search = Search {
        selector,
        domains: Domains::of(selector),
        budget: BUDGET,
    };
    let mut known = Known::default();
    Ok(search.walk(&mut known)?.then(|| Domains::witness(&known)))
}

/// What is known of the peer so far.
#[derive(Default)]
struct Known<'a> {
    kind: Option<PeerKind>,
    is_kube_apiserver: Option<bool>,
    /// `None`: not asked yet. `Some(None)`: it has no namespace.
    namespace: Option<Option<&'a str>>,
    labels: BTreeMap<Key<'a>, Option<&'a str>>,
    address: Option<IpAddr>,
    /// For each pattern of a DNS name, whether the address is an answer for it.
    names: BTreeMap<&'a str, bool>,
}

/// The key of a label: of the endpoint, of its namespace, or of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Peer(&'a str),
    Namespace(&'a str),
    Node(&'a str),
}

/// A question that the selector asks.
enum Question<'a> {
    Kind,
    KubeApiserver,
    Namespace,
    Label(Key<'a>),
    Address,
    Name(&'a str),
}

struct Search<'a> {
    selector: &'a SelectorExpr,
    domains: Domains<'a>,
    budget: usize,
}

impl<'a> Search<'a> {
    /// Extends what is known until the selector holds. Leaves `known` at the witness.
    fn walk(&mut self, known: &mut Known<'a>) -> Result<bool, TooComplex> {
        self.budget = self.budget.checked_sub(1).ok_or(TooComplex)?;
        match evaluate(self.selector, known) {
            Truth::Yes => return Ok(true),
            Truth::No => return Ok(false),
            Truth::Open => {}
        }
        // Some question that the outcome depends on is open, so there is one.
        match next_question(self.selector, known) {
            None => Ok(false),
            Some(Question::Kind) => {
                for kind in self.domains.kinds.clone() {
                    known.kind = Some(kind);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.kind = None;
                Ok(false)
            }
            Some(Question::KubeApiserver) => {
                for is_one in [false, true] {
                    known.is_kube_apiserver = Some(is_one);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.is_kube_apiserver = None;
                Ok(false)
            }
            Some(Question::Namespace) => {
                let names: Vec<&'a str> = self.domains.namespaces.iter().copied().collect();
                for name in names.into_iter().map(Some).chain([None]) {
                    known.namespace = Some(name);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.namespace = None;
                Ok(false)
            }
            Some(Question::Label(key)) => {
                let values: Vec<&'a str> = self
                    .domains
                    .labels
                    .get(&key)
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect();
                for value in values.into_iter().map(Some).chain([Some(OTHER), None]) {
                    known.labels.insert(key, value);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.labels.remove(&key);
                Ok(false)
            }
            Some(Question::Address) => {
                for address in self.domains.addresses.clone() {
                    known.address = Some(address);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.address = None;
                Ok(false)
            }
            Some(Question::Name(pattern)) => {
                for is_answer in [true, false] {
                    known.names.insert(pattern, is_answer);
                    if self.walk(known)? {
                        return Ok(true);
                    }
                }
                known.names.remove(pattern);
                Ok(false)
            }
        }
    }
}

/// Kinds that every search tells apart. The others differ from each other only where their entities
/// are named.
const KINDS: [PeerKind; 4] = [
    PeerKind::Endpoint,
    PeerKind::World,
    PeerKind::Host,
    PeerKind::RemoteNode,
];

/// A value that no selector mentions. It begins with a character that no label value may have.
pub(crate) const OTHER: &str = "=another value";

/// Stands for a wildcard in the example of a pattern: no label of a pattern has such a character, so
/// that only the wildcards of others take it.
const WILDCARD: &str = "=";

/// Stands for the labels of a first `**`: more of them than patterns have wildcards.
const WILDCARDS: &str = "=.=.=.=.=.=.=.=";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Open,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Open => Self::Open,
        }
    }
}

fn evaluate(selector: &SelectorExpr, known: &Known<'_>) -> Truth {
    match selector {
        SelectorExpr::Entity(Entity::All) => Truth::Yes,
        SelectorExpr::Entity(Entity::None) => Truth::No,
        SelectorExpr::Entity(Entity::KubeApiserver) => {
            known.is_kube_apiserver.map_or(Truth::Open, Into::into)
        }
        SelectorExpr::Entity(entity) => known
            .kind
            .map_or(Truth::Open, |kind| entity.matches(kind).into()),
        SelectorExpr::Namespace(_)
        | SelectorExpr::Label { .. }
        | SelectorExpr::NamespaceLabel { .. }
            if known.kind.is_some_and(|kind| kind != PeerKind::Endpoint) =>
        {
            Truth::No
        }
        SelectorExpr::NodeLabel { .. } if known.kind.is_some_and(|kind| !kind.is_node()) => {
            Truth::No
        }
        SelectorExpr::NodeLabel { key, operator } => label(known, Key::Node(key), operator),
        SelectorExpr::Namespace(name) => match (known.kind, known.namespace) {
            (Some(_), Some(namespace)) => (namespace == Some(name.as_str())).into(),
            (_, Some(namespace)) if namespace != Some(name.as_str()) => Truth::No,
            _ => Truth::Open,
        },
        SelectorExpr::Label { key, operator } => label(known, Key::Peer(key), operator),
        SelectorExpr::NamespaceLabel { key, operator } => {
            label(known, Key::Namespace(key), operator)
        }
        SelectorExpr::Dns(pattern) => name(known, pattern),
        SelectorExpr::Cidr(block) => known
            .address
            .map_or(Truth::Open, |address| block.contains(&address).into()),
        SelectorExpr::AnyOf(parts) => any(parts.iter().map(|part| evaluate(part, known))),
        SelectorExpr::AllOf(parts) => !any(parts.iter().map(|part| !evaluate(part, known))),
        SelectorExpr::Minus(base, except) => {
            !any([!evaluate(base, known), evaluate(except, known)].into_iter())
        }
    }
}

fn label(known: &Known<'_>, key: Key<'_>, operator: &LabelOperator) -> Truth {
    match known.labels.get(&key).map(|value| holds(operator, *value)) {
        Some(false) => Truth::No,
        Some(true) if known.kind.is_some() => Truth::Yes,
        _ => Truth::Open,
    }
}

/// Whether the address is an answer for a pattern. A name is also an answer for the pattern that it
/// is an example of.
fn name(known: &Known<'_>, pattern: &str) -> Truth {
    if let Some(is_answer) = known.names.get(pattern) {
        return (*is_answer).into();
    }
    let is_implied = known
        .names
        .iter()
        .any(|(other, is_answer)| *is_answer && covers(pattern, other));
    if is_implied {
        return Truth::Yes;
    }
    let is_excluded = known
        .names
        .iter()
        .any(|(other, is_answer)| !*is_answer && covers(other, pattern));
    if is_excluded { Truth::No } else { Truth::Open }
}

/// Whether a pattern describes every name that another one does: its wildcards take those of the
/// other for parts of names.
fn covers(pattern: &str, other: &str) -> bool {
    let is_long = |pattern: &str| pattern == "**" || pattern.starts_with("**.");
    (is_long(pattern) || !is_long(other)) && dns_matches(pattern, other)
}

fn any(parts: impl Iterator<Item = Truth>) -> Truth {
    let mut all = Truth::No;
    for part in parts {
        match part {
            Truth::Yes => return Truth::Yes,
            Truth::Open => all = Truth::Open,
            Truth::No => {}
        }
    }
    all
}

fn holds(operator: &LabelOperator, value: Option<&str>) -> bool {
    let among =
        |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
    match operator {
        LabelOperator::In(values) => among(values),
        LabelOperator::NotIn(values) => !among(values),
        LabelOperator::Exists => value.is_some(),
        LabelOperator::Absent => value.is_none(),
    }
}

/// The first question in the selector that is open and that its outcome depends on.
fn next_question<'a>(selector: &'a SelectorExpr, known: &Known<'_>) -> Option<Question<'a>> {
    if evaluate(selector, known) != Truth::Open {
        return None;
    }
    match selector {
        SelectorExpr::Entity(Entity::KubeApiserver) => Some(Question::KubeApiserver),
        SelectorExpr::Entity(_) => Some(Question::Kind),
        SelectorExpr::Namespace(_) if known.kind.is_none() => Some(Question::Kind),
        SelectorExpr::Namespace(_) => Some(Question::Namespace),
        SelectorExpr::Label { .. }
        | SelectorExpr::NamespaceLabel { .. }
        | SelectorExpr::NodeLabel { .. }
            if known.kind.is_none() =>
        {
            Some(Question::Kind)
        }
        SelectorExpr::NodeLabel { key, .. } => Some(Question::Label(Key::Node(key))),
        SelectorExpr::Label { key, .. } => Some(Question::Label(Key::Peer(key))),
        SelectorExpr::NamespaceLabel { key, .. } => Some(Question::Label(Key::Namespace(key))),
        SelectorExpr::Dns(pattern) => Some(Question::Name(pattern)),
        SelectorExpr::Cidr(_) => Some(Question::Address),
        SelectorExpr::AnyOf(parts) | SelectorExpr::AllOf(parts) => {
            parts.iter().find_map(|part| next_question(part, known))
        }
        SelectorExpr::Minus(base, except) => {
            next_question(base, known).or_else(|| next_question(except, known))
        }
    }
}

/// The answers that a selector can tell apart.
struct Domains<'a> {
    kinds: Vec<PeerKind>,
    namespaces: BTreeSet<&'a str>,
    labels: BTreeMap<Key<'a>, BTreeSet<&'a str>>,
    addresses: Vec<IpAddr>,
}

impl<'a> Domains<'a> {
    fn of(selector: &'a SelectorExpr) -> Self {
        let mut domains = Self {
            kinds: kinds(selector),
            namespaces: BTreeSet::new(),
            labels: BTreeMap::new(),
            addresses: Vec::new(),
        };
        domains.collect(selector);
        let mut blocks = BTreeSet::new();
        selector.visit_cidrs(&mut |block| {
            blocks.insert(block.trunc());
        });
        domains.addresses = representatives(&blocks);
        domains
    }

    fn collect(&mut self, selector: &'a SelectorExpr) {
        match selector {
            SelectorExpr::Entity(_) | SelectorExpr::Cidr(_) | SelectorExpr::Dns(_) => {}
            SelectorExpr::Namespace(name) => {
                self.namespaces.insert(name);
            }
            SelectorExpr::Label { key, operator } => self.label(Key::Peer(key), operator),
            SelectorExpr::NamespaceLabel { key, operator } => {
                self.label(Key::Namespace(key), operator);
            }
            SelectorExpr::NodeLabel { key, operator } => self.label(Key::Node(key), operator),
            SelectorExpr::AnyOf(parts) | SelectorExpr::AllOf(parts) => {
                for part in parts {
                    self.collect(part);
                }
            }
            SelectorExpr::Minus(base, except) => {
                self.collect(base);
                self.collect(except);
            }
        }
    }

    fn label(&mut self, key: Key<'a>, operator: &'a LabelOperator) {
        let values = self.labels.entry(key).or_default();
        if let LabelOperator::In(named) | LabelOperator::NotIn(named) = operator {
            values.extend(named.iter().map(String::as_str));
        }
    }

    fn witness(known: &Known<'a>) -> Witness {
        let is_node = known.kind.is_some_and(PeerKind::is_node);
        let labels = |of: &dyn Fn(Key<'a>) -> Option<&'a str>| {
            let known = known.labels.iter();
            known
                .filter_map(|(key, value)| Some((of(*key)?.to_owned(), (*value)?.to_owned())))
                .collect()
        };
        Witness {
            kind: known.kind.unwrap_or(PeerKind::Endpoint),
            is_kube_apiserver: known.is_kube_apiserver.unwrap_or(false),
            namespace: known.namespace.flatten().map(str::to_owned),
            labels: labels(&|key| match key {
                Key::Peer(key) => (!is_node).then_some(key),
                Key::Node(key) => is_node.then_some(key),
                Key::Namespace(_) => None,
            }),
            namespace_labels: labels(&|key| match key {
                Key::Namespace(key) => Some(key),
                Key::Peer(_) | Key::Node(_) => None,
            }),
            names: names(known),
            address: known.address,
        }
    }
}

/// The kinds that a selector can tell apart: those that it names, and one of those that it does not.
fn kinds(selector: &SelectorExpr) -> Vec<PeerKind> {
    let mut named: BTreeSet<Entity> = BTreeSet::new();
    selector.visit_leaves(&mut |leaf| {
        if let SelectorExpr::Entity(entity) = leaf {
            named.insert(*entity);
        }
    });
    let (named, other): (Vec<PeerKind>, Vec<PeerKind>) = PeerKind::ALL
        .into_iter()
        .filter(|kind| !KINDS.contains(kind))
        .partition(|kind| named.iter().any(|one| is_just(*one, *kind)));
    let mut kinds = KINDS.to_vec();
    kinds.extend(named);
    kinds.extend(other.first());
    kinds
}

/// Whether an entity is this kind and no other.
fn is_just(entity: Entity, kind: PeerKind) -> bool {
    PeerKind::ALL
        .into_iter()
        .all(|one| entity.matches(one) == (one == kind))
}

/// A name for each pattern that the address is an answer for.
fn names(known: &Known<'_>) -> Vec<String> {
    let answers = known.names.iter().filter(|(_, is_answer)| **is_answer);
    answers
        .map(|(pattern, _)| match pattern.strip_prefix("**") {
            Some(rest) => format!("{WILDCARDS}{}", rest.replace('*', WILDCARD)),
            None => pattern.replace('*', WILDCARD),
        })
        .collect()
}

/// One address for each way in which an address can lie in the blocks: inside a block and outside
/// every smaller one, or outside all. Blocks that smaller ones fill completely have none.
fn representatives(blocks: &BTreeSet<IpNet>) -> Vec<IpAddr> {
    let everything = [
        IpNet::V4(ipnet::Ipv4Net::default()),
        IpNet::V6(ipnet::Ipv6Net::default()),
    ];
    let mut all: BTreeSet<IpNet> = blocks.clone();
    all.extend(everything);
    all.iter()
        .filter_map(|block| {
            let inner: Vec<&IpNet> = all
                .iter()
                .filter(|one| *one != block && block.contains(*one))
                .collect();
            outside(*block, &inner)
        })
        .collect()
}

/// An address of `block` that lies in none of `inner`.
fn outside(block: IpNet, inner: &[&IpNet]) -> Option<IpAddr> {
    if inner.is_empty() {
        return Some(block.addr());
    }
    if inner.contains(&&block) {
        return None;
    }
    let halves = block.subnets(block.prefix_len() + 1).ok()?;
    for half in halves {
        let of_half: Vec<&IpNet> = inner
            .iter()
            .copied()
            .filter(|one| half.contains(*one) || one.contains(&half))
            .collect();
        if let Some(address) = outside(half, &of_half) {
            return Some(address);
        }
    }
    None
}
