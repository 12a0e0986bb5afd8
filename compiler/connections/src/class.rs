//! Classes: workloads that no policy tells apart.

use std::collections::BTreeMap;

use polc_cluster::{Cluster, Workload};
use polc_model::{
    Direction, Enforcement, L4Match, L4Term, Model, NamedPorts, PolicyId, SelectorId,
};

use crate::{
    Peer,
    selection::{self, Index},
};

/// Workloads that are alike to every policy.
#[derive(Debug)]
pub(crate) struct Class {
    /// Their ports that policies name.
    pub(crate) ports: NamedPorts,
    /// The enforced policies that select them and cover the direction, for ingress and egress.
    policies: [Vec<PolicyId>; 2],
    /// Whether policies are asked about them: not about those in their node's network.
    pub(crate) is_managed: bool,
    /// Who is in it, in order.
    pub(crate) members: Vec<Peer>,
}

impl Class {
    /// The policies that are asked in a direction.
    pub(crate) fn policies_in(&self, direction: Direction) -> &[PolicyId] {
        let [ingress, egress] = &self.policies;
        match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        }
    }
}

/// The classes of a cluster, and which of them each selector selects.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) classes: Vec<Class>,
    /// By the id of a rule's peers: classes, ascending.
    pub(crate) selected: BTreeMap<SelectorId, Vec<usize>>,
}

/// What policies see of a workload.
type Signature = (Vec<SelectorId>, NamedPorts, bool);

impl Classes {
    pub(crate) fn of(model: &Model, cluster: &Cluster) -> Self {
        let workloads = &cluster.workloads;
        let facts: Vec<_> = workloads
            .iter()
            .map(|workload| selection::facts(cluster, workload))
            .collect();
        let selected = selected(model, &Index::of(&facts));
        let mut signatures: Vec<Signature> = Vec::with_capacity(workloads.len());
        let names = names(model);
        for facts in &facts {
            let named = facts.ports.iter();
            let named = named.filter(|(name, _)| names.contains(&name.as_str()));
            let named = named.map(|(name, port)| (name.clone(), *port)).collect();
            signatures.push((Vec::new(), named, facts.kind.is_managed()));
        }
        for (id, positions) in &selected {
            for position in positions {
                if let Some((ids, ..)) = signatures.get_mut(*position) {
                    ids.push(*id);
                }
            }
        }
        let mut numbers: BTreeMap<Signature, usize> = BTreeMap::new();
        let mut class_of: Vec<usize> = Vec::with_capacity(workloads.len());
        for signature in signatures {
            let next = numbers.len();
            class_of.push(*numbers.entry(signature).or_insert(next));
        }
        let mut classes: Vec<Class> = vec_of_classes(numbers);
        for (peer, number) in members(workloads, &class_of) {
            if let Some(class) = classes.get_mut(number) {
                class.members.push(peer);
            }
        }
        let mut by_class: BTreeMap<SelectorId, Vec<usize>> = BTreeMap::new();
        for (id, positions) in &selected {
            let numbers = positions.iter().filter_map(|at| class_of.get(*at).copied());
            let mut numbers: Vec<usize> = numbers.collect();
            numbers.sort_unstable();
            numbers.dedup();
            by_class.insert(*id, numbers);
        }
        add_policies(model, &by_class, &mut classes);
        Self {
            classes,
            selected: by_class,
        }
    }
}

/// The workloads that each selector of the Model selects.
fn selected(model: &Model, index: &Index<'_>) -> BTreeMap<SelectorId, Vec<usize>> {
    let peers = model.rules.iter().map(|rule| rule.peer);
    let subjects = model.policies.iter().map(|policy| policy.subject);
    let mut selected = BTreeMap::new();
    for id in peers.chain(subjects) {
        if let Some(selector) = model.selector(id) {
            let of_id = selected.entry(id);
            of_id.or_insert_with(|| index.selected(&selector.expr));
        }
    }
    selected
}

/// The names of ports that rules ask for.
fn names(model: &Model) -> Vec<&str> {
    let terms = model.rules.iter().filter_map(|rule| match &rule.l4 {
        L4Match::Of(terms) => Some(terms),
        L4Match::Any => None,
    });
    let names = terms.flatten().filter_map(|term| match term {
        L4Term::NamedPort { name, .. } => Some(name.as_str()),
        _ => None,
    });
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn vec_of_classes(numbers: BTreeMap<Signature, usize>) -> Vec<Class> {
    let mut ordered: Vec<(usize, Signature)> = numbers
        .into_iter()
        .map(|(signature, number)| (number, signature))
        .collect();
    ordered.sort_unstable_by_key(|(number, _)| *number);
    let class = |(_, (_, ports, is_managed)): (usize, Signature)| Class {
        ports,
        policies: [Vec::new(), Vec::new()],
        is_managed,
        members: Vec::new(),
    };
    ordered.into_iter().map(class).collect()
}

/// The workloads of a cluster, each with its class, in order. Pods of one owner are one where they are
/// of one class; otherwise each goes by its own name.
fn members(workloads: &[Workload], class_of: &[usize]) -> Vec<(Peer, usize)> {
    let mut by_title: BTreeMap<String, Vec<(&Workload, usize)>> = BTreeMap::new();
    for (workload, class) in workloads.iter().zip(class_of) {
        let of_title = by_title.entry(workload.title()).or_default();
        of_title.push((workload, *class));
    }
    let mut members = Vec::new();
    for (title, of_title) in by_title {
        let first = of_title.first().map(|(_, class)| *class);
        if let Some(class) = first
            && of_title.iter().all(|(_, other)| *other == class)
        {
            members.push((Peer::Workload(title), class));
            continue;
        }
        for (workload, class) in of_title {
            let title = match &workload.pod {
                Some(pod) => format!("{}/{pod}[Pod]", workload.namespace),
                None => title.clone(),
            };
            members.push((Peer::Workload(title), class));
        }
    }
    members.sort();
    members.dedup();
    members
}

fn add_policies(model: &Model, by_class: &BTreeMap<SelectorId, Vec<usize>>, classes: &mut [Class]) {
    for (id, policy) in model.policies_with_ids() {
        if policy.enforcement != Enforcement::Enforce {
            continue;
        }
        for number in by_class.get(&policy.subject).into_iter().flatten() {
            let Some(class) = classes.get_mut(*number).filter(|class| class.is_managed) else {
                continue;
            };
            let [ingress, egress] = &mut class.policies;
            for (direction, of_direction) in
                [(Direction::Ingress, ingress), (Direction::Egress, egress)]
            {
                if policy.covers(direction).is_some() {
                    of_direction.push(id);
                }
            }
        }
    }
}
