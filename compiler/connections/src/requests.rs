//! What of a connection passes, where rules speak about requests.

use polc_model::{Action, Direction, L7Match, Model, NamedPorts, PolicyId};

use crate::{
    Connection, Connections, L4Set,
    end::{End, EndRule},
};

/// What an end lets pass on some L4 keys of a connection: what one of the matches describes, and
/// nothing else. Where both ends have one, both must let it pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Egress: the source's policies say so. Ingress: the destination's.
    pub direction: Direction,
    /// Where it holds: keys of the connection.
    pub keys: L4Set,
    /// In order, without repetition, never empty.
    pub only: Vec<L7Match>,
}

impl Connections<'_> {
    /// What the ends look at beyond ports. On keys that none of these has, everything passes.
    #[must_use]
    pub fn restrictions(&self, connection: &Connection) -> Vec<Restriction> {
        let keys = self.keys(connection);
        let (source, destination) = (connection.source, connection.destination);
        let mut restrictions = Vec::new();
        for (side, subject, peer) in [
            (&self.egress, source, destination),
            (&self.ingress, destination, source),
        ] {
            let policies = self.policies_of(side.direction, subject);
            if !speak_about_requests(self.model, policies) {
                continue;
            }
            let Some(meeting) = self.meeting(side, subject, peer) else {
                continue;
            };
            let asked = asked(&meeting.end, &meeting.matching, meeting.receiver);
            restrictions.extend(asked.into_iter().filter_map(|(of_end, only)| {
                let keys = of_end.intersection(keys);
                (!keys.is_empty()).then_some(Restriction {
                    direction: side.direction,
                    keys,
                    only,
                })
            }));
        }
        restrictions
    }
}

fn speak_about_requests(model: &Model, policies: &[PolicyId]) -> bool {
    let mut rules = policies.iter().flat_map(|policy| model.rules_of(*policy));
    rules.any(|(_, rule)| rule.l7.is_some())
}

/// Disjoint keys, each with what passes on it. Among the rules that allow at the precedence that
/// decides, one that does not speak about requests lets all of them pass.
fn asked(end: &End<'_>, matching: &[usize], receiver: &NamedPorts) -> Vec<(L4Set, Vec<L7Match>)> {
    let rules: Vec<&EndRule<'_>> = matching
        .iter()
        .filter_map(|at| end.rules.get(*at))
        .collect();
    let mut found: Vec<(L4Set, Vec<L7Match>)> = Vec::new();
    for (first, keys) in end.allowing(matching, receiver) {
        let equal = rules
            .iter()
            .filter(|rule| rule.action == Action::Allow && rule.precedence() == first);
        let mut parts = vec![(keys, Vec::new())];
        for rule in equal {
            let of_rule = L4Set::matched(rule.l4, receiver);
            parts = match rule.l7 {
                Some(l7) => split(parts, &of_rule, l7),
                None => without(parts, &of_rule),
            };
        }
        for (keys, mut only) in parts {
            only.sort_unstable();
            only.dedup();
            match found.iter_mut().find(|(_, other)| *other == only) {
                Some((all, _)) => *all = all.union(&keys),
                None => found.push((keys, only)),
            }
        }
    }
    found.retain(|(_, only)| !only.is_empty());
    found
}

type Parts = Vec<(L4Set, Vec<L7Match>)>;

/// The parts, of which those in `keys` let this pass, too.
fn split(parts: Parts, keys: &L4Set, l7: &L7Match) -> Parts {
    let mut all = Vec::new();
    for (part, only) in parts {
        let (inside, outside) = (part.intersection(keys), part.minus(keys));
        let more = only.iter().chain([l7]).cloned().collect();
        all.extend([(inside, more), (outside, only)]);
    }
    all.retain(|(part, _)| !part.is_empty());
    all
}

/// The parts without those keys.
fn without(parts: Parts, keys: &L4Set) -> Parts {
    let rest = parts
        .into_iter()
        .map(|(part, only)| (part.minus(keys), only));
    rest.filter(|(part, _)| !part.is_empty()).collect()
}
