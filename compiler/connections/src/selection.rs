//! Which selectors select which workloads. A selector is only asked about those that have a namespace
//! or a label that it needs: with thousands of both, asking all about all would take minutes.

use std::collections::BTreeMap;

use polc_cluster::{Cluster, PodNetwork, Workload};
use polc_model::{LabelOperator, Labels, PeerFacts, PeerKind, SelectorExpr, selector::NO_LABELS};

/// A workload as selectors see it. Its address is not known: blocks are about addresses outside.
pub(crate) fn facts<'a>(cluster: &'a Cluster, workload: &'a Workload) -> PeerFacts<'a> {
    let labels = cluster.namespace_labels(&workload.namespace);
    let kind = match workload.network {
        PodNetwork::Pod => PeerKind::Endpoint,
        PodNetwork::Host => PeerKind::RemoteNode,
    };
    // Of a node the labels are its own.
    let own_labels = match workload.network {
        PodNetwork::Pod => &workload.labels,
        PodNetwork::Host => {
            let node = workload.node.as_ref();
            let labels = node.and_then(|name| cluster.nodes.get(name));
            labels.unwrap_or(&NO_LABELS)
        }
    };
    PeerFacts {
        kind,
        namespace: Some(&workload.namespace),
        labels: own_labels,
        namespace_labels: labels.unwrap_or(&NO_LABELS),
        ports: &workload.named_ports,
        ..PeerFacts::host()
    }
}

/// Workloads by the key and the value of a label.
type ByLabel<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<usize>>>;

/// Workloads by what selectors ask for.
pub(crate) struct Index<'a> {
    facts: &'a [PeerFacts<'a>],
    all: Vec<usize>,
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    by_label: ByLabel<'a>,
    by_namespace_label: ByLabel<'a>,
}

impl<'a> Index<'a> {
    pub(crate) fn of(facts: &'a [PeerFacts<'a>]) -> Self {
        let mut index = Self {
            facts,
            all: (0..facts.len()).collect(),
            by_namespace: BTreeMap::new(),
            by_label: BTreeMap::new(),
            by_namespace_label: BTreeMap::new(),
        };
        for (position, facts) in facts.iter().enumerate() {
            if let Some(namespace) = facts.namespace {
                let of_namespace = index.by_namespace.entry(namespace).or_default();
                of_namespace.push(position);
            }
            add(&mut index.by_label, facts.labels, position);
            add(
                &mut index.by_namespace_label,
                facts.namespace_labels,
                position,
            );
        }
        index
    }

    /// The workloads that a selector selects, ascending.
    pub(crate) fn selected(&self, expr: &SelectorExpr) -> Vec<usize> {
        let candidates = self.candidates(expr).unwrap_or(&self.all);
        let matches = |position: &&usize| {
            let facts = self.facts.get(**position);
            facts.is_some_and(|facts| expr.matches(facts))
        };
        candidates.iter().filter(matches).copied().collect()
    }

    /// The fewest that hold all that are selected. `None`: nothing is known.
    fn candidates(&self, expr: &SelectorExpr) -> Option<&[usize]> {
        match expr {
            SelectorExpr::Namespace(name) => Some(
                self.by_namespace
                    .get(name.as_str())
                    .map_or(&[], Vec::as_slice),
            ),
            SelectorExpr::Label { key, operator } => having(&self.by_label, key, operator),
            SelectorExpr::NamespaceLabel { key, operator } => {
                having(&self.by_namespace_label, key, operator)
            }
            SelectorExpr::AllOf(parts) => {
                let known = parts.iter().filter_map(|part| self.candidates(part));
                known.min_by_key(|known| known.len())
            }
            SelectorExpr::Minus(base, _) => self.candidates(base),
            _ => None,
        }
    }
}

fn add<'a>(by_label: &mut ByLabel<'a>, labels: &'a Labels, position: usize) {
    for (key, value) in labels {
        let of_key = by_label.entry(key.as_str()).or_default();
        of_key.entry(value.as_str()).or_default().push(position);
    }
}

fn having<'i>(
    by_label: &'i ByLabel<'_>,
    key: &str,
    operator: &LabelOperator,
) -> Option<&'i [usize]> {
    match operator {
        LabelOperator::In(values) => match values.as_slice() {
            [value] => {
                let of_key = by_label.get(key);
                let of_value = of_key.and_then(|of_key| of_key.get(value.as_str()));
                Some(of_value.map_or(&[], Vec::as_slice))
            }
            _ => None,
        },
        LabelOperator::NotIn(_) | LabelOperator::Exists | LabelOperator::Absent => None,
    }
}
