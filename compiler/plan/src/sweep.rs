//! Which rules match where: one pass over the L4 keys at which rules begin and end.

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::key::L4Key;
use polc_model::Model;

use crate::{intervals, names::PortName, order::OrderedRule};

/// Intervals of L4 keys, and the set of rules that match in each.
pub(crate) struct Sweep {
    /// First key of each interval, and index into `sets`. Neighbours have different sets.
    pub(crate) intervals: Vec<(u32, usize)>,
    /// Positions of rules, ascending. No two are equal.
    pub(crate) sets: Vec<Vec<usize>>,
}

/// Sweeps over the rules' L4 matches; a named port may be any of its protocol. Takes time in the sum of the sets at all interval bounds.
pub(crate) fn sweep(model: &Model, names: &[PortName], rules: &[OrderedRule]) -> Sweep {
    let mut changes: BTreeMap<u32, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    changes.insert(L4Key::ANY_FIRST.0, (Vec::new(), Vec::new()));
    for (position, rule) in rules.iter().enumerate() {
        let name = rule.name;
        let Some(rule) = model.rule(rule.id) else {
            continue;
        };
        let ranges = match name {
            None => intervals::sure_ranges_of(&rule.l4),
            // Which port it is, only the receiver knows.
            Some(name) => {
                let name = names.get(name.0 as usize);
                name.map(|name| intervals::ports_of(name.protocol))
                    .into_iter()
                    .collect()
            }
        };
        for range in ranges {
            changes.entry(range.first).or_default().0.push(position);
            if range.last < L4Key::ANY_LAST.0 {
                changes.entry(range.last + 1).or_default().1.push(position);
            }
        }
    }
    let mut active: BTreeSet<usize> = BTreeSet::new();
    let mut ids: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut intervals: Vec<(u32, usize)> = Vec::new();
    for (first, (begin, end)) in changes {
        for position in end {
            active.remove(&position);
        }
        active.extend(begin);
        let next = ids.len();
        let set: Vec<usize> = active.iter().copied().collect();
        let id = *ids.entry(set).or_insert(next);
        if intervals.last().is_none_or(|(_, previous)| *previous != id) {
            intervals.push((first, id));
        }
    }
    let mut sets: Vec<(usize, Vec<usize>)> = ids.into_iter().map(|(set, id)| (id, set)).collect();
    sets.sort_unstable_by_key(|(id, _)| *id);
    Sweep {
        intervals,
        sets: sets.into_iter().map(|(_, set)| set).collect(),
    }
}
