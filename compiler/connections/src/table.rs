//! What the ends of one class allow, peer by peer. Most peers are matched by no rule but those for
//! everybody: they are not listed.

use std::collections::{BTreeMap, BTreeSet};

use polc_model::{Direction, Model, NamedPorts, SelectorId, l4::NO_PORTS};

use crate::{
    L4Set,
    class::{Class, Classes},
    end::{End, allowed},
    peers::{Outside, outside},
};

/// A peer at an end: the number of a class, or that of a peer outside after all classes.
pub(crate) type At = usize;

/// A set, by its number in [`Sets`].
pub(crate) type SetId = u32;

/// Sets that are kept once.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    sets: Vec<L4Set>,
    ids: BTreeMap<L4Set, SetId>,
    intersections: BTreeMap<(SetId, SetId), SetId>,
}

impl Sets {
    pub(crate) fn id(&mut self, set: L4Set) -> SetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = SetId::try_from(self.sets.len()).unwrap_or(SetId::MAX);
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    pub(crate) fn intersection(&mut self, one: SetId, other: SetId) -> SetId {
        if one == other {
            return one;
        }
        if let Some(id) = self.intersections.get(&(one, other)) {
            return *id;
        }
        let set = match (self.get(one), self.get(other)) {
            (Some(one), Some(other)) => one.intersection(other),
            _ => L4Set::default(),
        };
        let id = self.id(set);
        self.intersections.insert((one, other), id);
        id
    }

    pub(crate) fn get(&self, id: SetId) -> Option<&L4Set> {
        self.sets.get(id as usize)
    }
}

/// What a class allows in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// With the workloads that are not listed.
    pub(crate) inside: SetId,
    /// With everybody else who is not listed.
    outside: SetId,
    /// With those who are matched by rules of their own.
    pub(crate) listed: BTreeMap<At, SetId>,
}

/// A direction: its peers outside, and what each class allows.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) direction: Direction,
    pub(crate) outside: Vec<Outside>,
    pub(crate) tables: Vec<Table>,
    /// By selector of peers: who is selected of those outside.
    selected: BTreeMap<SelectorId, Selected>,
}

/// Whom a selector selects.
#[derive(Debug)]
enum Selected {
    Everybody,
    /// Every workload, and nobody else.
    Workloads,
    /// These, ascending.
    Some(Vec<At>),
}

impl Side {
    pub(crate) fn of(
        model: &Model,
        classes: &Classes,
        direction: Direction,
        sets: &mut Sets,
    ) -> Self {
        let mut side = Self {
            direction,
            outside: outside(model, direction),
            tables: Vec::new(),
            selected: BTreeMap::new(),
        };
        side.select(model, classes);
        let mut known: BTreeMap<_, Table> = BTreeMap::new();
        for class in &classes.classes {
            // Whose ports have names is who receives.
            let ports = match direction {
                Direction::Ingress => &class.ports,
                Direction::Egress => &NO_PORTS,
            };
            let policies = class.policies_in(direction);
            let table = match known.get(&(policies, ports)) {
                Some(table) => table.clone(),
                None => {
                    let end = End::of(model, direction, policies);
                    let table = side.table(&end, ports, classes, sets);
                    known.insert((policies, ports), table.clone());
                    table
                }
            };
            side.tables.push(table);
        }
        side
    }

    fn select(&mut self, model: &Model, classes: &Classes) {
        let count = classes.classes.len();
        let workloads = |at: &At| {
            classes
                .classes
                .get(*at)
                .is_some_and(|class| class.is_managed)
        };
        let managed = (0..count).filter(workloads).count();
        for rule in &model.rules {
            if rule.direction != self.direction || self.selected.contains_key(&rule.peer) {
                continue;
            }
            let Some(selector) = model.selector(rule.peer) else {
                continue;
            };
            let mut selected = classes
                .selected
                .get(&rule.peer)
                .cloned()
                .unwrap_or_default();
            let is_workloads = selected.len() == managed && selected.iter().all(workloads);
            for (number, outside) in self.outside.iter().enumerate() {
                if selector.expr.matches(&outside.facts()) {
                    selected.push(count + number);
                }
            }
            let selected = if selected.len() == count + self.outside.len() {
                Selected::Everybody
            } else if is_workloads && selected.len() == managed {
                Selected::Workloads
            } else {
                Selected::Some(selected)
            };
            self.selected.insert(rule.peer, selected);
        }
    }

    /// The rules of an end that match a peer.
    pub(crate) fn matching(&self, end: &End<'_>, at: At, classes: &[Class]) -> Vec<usize> {
        let is_workload = classes.get(at).is_some_and(|class| class.is_managed);
        let rules = end.rules.iter().enumerate();
        let matches = rules.filter(|(_, rule)| match self.selected.get(&rule.peer) {
            Some(Selected::Everybody) => true,
            Some(Selected::Workloads) => is_workload,
            Some(Selected::Some(selected)) => selected.binary_search(&at).is_ok(),
            None => false,
        });
        matches.map(|(position, _)| position).collect()
    }

    fn table(
        &self,
        end: &End<'_>,
        ports: &NamedPorts,
        classes: &Classes,
        sets: &mut Sets,
    ) -> Table {
        let classes = &classes.classes;
        let (mut for_inside, mut for_outside) = (Vec::new(), Vec::new());
        let mut listed: BTreeSet<At> = BTreeSet::new();
        for (position, rule) in end.rules.iter().enumerate() {
            match self.selected.get(&rule.peer) {
                Some(Selected::Everybody) => {
                    for_inside.push(position);
                    for_outside.push(position);
                }
                Some(Selected::Workloads) => for_inside.push(position),
                Some(Selected::Some(selected)) => listed.extend(selected),
                None => {}
            }
        }
        // A rule for every workload that names ports means something else for each of them.
        if self.direction == Direction::Egress && end.has_names(&for_inside) {
            listed.extend(0..classes.len());
        }
        let mut known: BTreeMap<(Vec<usize>, &NamedPorts), SetId> = BTreeMap::new();
        let mut ordered: Vec<At> = listed.into_iter().collect();
        ordered.sort_unstable();
        let of_rules = self.rules_of(end, &ordered, classes);
        let mut by_peer = BTreeMap::new();
        for (at, matching) in ordered.into_iter().zip(of_rules) {
            let receiver = match self.direction {
                Direction::Ingress => ports,
                Direction::Egress => classes.get(at).map_or(&NO_PORTS, |class| &class.ports),
            };
            let id = match known.get(&(matching.clone(), receiver)) {
                Some(id) => *id,
                None => {
                    let id = sets.id(allowed(&end.decide(&matching, receiver)));
                    known.insert((matching, receiver), id);
                    id
                }
            };
            by_peer.insert(at, id);
        }
        Table {
            inside: sets.id(allowed(&end.decide(&for_inside, ports))),
            outside: sets.id(allowed(&end.decide(&for_outside, ports))),
            listed: by_peer,
        }
    }

    /// For each of these peers, the rules that match it.
    fn rules_of(&self, end: &End<'_>, peers: &[At], classes: &[Class]) -> Vec<Vec<usize>> {
        let mut matching = vec![Vec::new(); peers.len()];
        for (position, rule) in end.rules.iter().enumerate() {
            let is_workload = |at: At| classes.get(at).is_some_and(|class| class.is_managed);
            match self.selected.get(&rule.peer) {
                Some(Selected::Some(selected)) => {
                    for at in selected {
                        let found = peers.binary_search(at).ok();
                        if let Some(rules) = found.and_then(|found| matching.get_mut(found)) {
                            rules.push(position);
                        }
                    }
                }
                Some(Selected::Everybody) => {
                    matching.iter_mut().for_each(|rules| rules.push(position));
                }
                Some(Selected::Workloads) => {
                    let all = peers.iter().zip(&mut matching);
                    let workloads = all.filter(|(at, _)| is_workload(**at));
                    workloads.for_each(|(_, rules)| rules.push(position));
                }
                None => {}
            }
        }
        matching
    }

    /// What a class allows with a peer.
    pub(crate) fn set(&self, class: usize, at: At, classes: &[Class]) -> Option<SetId> {
        let table = self.tables.get(class)?;
        let rest = match classes.get(at).is_some_and(|class| class.is_managed) {
            true => table.inside,
            false => table.outside,
        };
        Some(table.listed.get(&at).copied().unwrap_or(rest))
    }
}
