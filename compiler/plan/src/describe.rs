//! Plans in words: for people who read one.

use polc_abi::key::{L4Key, protocol};
use polc_model::{Decider, Decision, Model, SelectorId};

use crate::{
    Decisions, Layout, LeafId, Leaves, NameId, Then,
    bitmap::{Outcome, has_bit},
    intervals::KeyRange,
};

/// What is asked about a peer and about the port at whoever receives, and what happens if it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The peers, as the source says it, and the name of the port. `None` where all that are left
    /// are meant.
    pub peer: Option<String>,
    /// What happens.
    pub then: Happens,
}

/// What happens to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// The packet is decided about.
    Decided(Decision),
    /// The question with this position in the list comes next.
    GoesTo(usize),
}

impl Decisions {
    /// The L4 keys of each leaf, in order; empty for a leaf that nothing leads to.
    #[must_use]
    pub fn keys_of_leaves(&self) -> Vec<Vec<KeyRange>> {
        let mut keys = vec![Vec::new(); self.leaf_count()];
        let mut intervals = self.intervals.iter().peekable();
        while let Some(interval) = intervals.next() {
            let last = intervals
                .peek()
                .map_or(L4Key::ANY_LAST.0, |next| next.first.saturating_sub(1));
            if let Some(keys) = keys.get_mut(interval.leaf.0) {
                keys.push(KeyRange {
                    first: interval.first,
                    last,
                });
            }
        }
        keys
    }

    /// What a leaf asks, in order. The last question is answered by everything that is left.
    #[must_use]
    pub fn questions(&self, model: &Model, layout: &Layout, LeafId(leaf): LeafId) -> Vec<Asked> {
        let name = |peer: SelectorId| {
            let selector = model.selector(peer);
            selector.map_or_else(|| "?".to_owned(), |selector| selector.text.clone())
        };
        let named = |NameId(id): NameId| {
            let name = layout.names.get(id as usize);
            name.map_or_else(|| "?".to_owned(), |name| format!("port \"{}\"", name.name))
        };
        match &self.leaves {
            Leaves::Tests(leaves) => {
                let steps = leaves.get(leaf).map_or(&[][..], |leaf| &leaf.steps);
                let asked = steps.iter().map(|step| Asked {
                    peer: match (step.when.map(name), step.named.map(named)) {
                        (Some(peer), Some(named)) => Some(format!("{peer}, {named}")),
                        (peer, named) => peer.or(named),
                    },
                    then: match step.then {
                        Then::Decide(decision) => Happens::Decided(decision),
                        Then::SkipTo(next) => Happens::GoesTo(next),
                    },
                });
                asked.collect()
            }
            Leaves::Bitmap(bitmap) => {
                let mut asked: Vec<(Option<String>, Outcome)> = Vec::new();
                let mut starts = Vec::new();
                let rows = bitmap.rows.get(leaf).map_or(&[][..], |row| &row.tiers);
                for (tier, row) in bitmap.tiers.iter().zip(rows) {
                    starts.push(asked.len());
                    let columns = tier.columns.iter().enumerate();
                    let in_row = columns.filter(|(index, _)| has_bit(&row.mask, *index));
                    asked.extend(in_row.map(|(_, one)| (Some(name(one.peer)), one.then)));
                    asked.push((None, row.otherwise));
                }
                let end = asked.len();
                let numbered = asked.into_iter().enumerate();
                numbered
                    .map(|(position, (peer, then))| Asked {
                        peer,
                        then: match then {
                            Outcome::Decide(decision) => Happens::Decided(decision),
                            Outcome::NextTier => Happens::GoesTo(
                                starts
                                    .iter()
                                    .copied()
                                    .find(|&start| start > position)
                                    .unwrap_or(end),
                            ),
                        },
                    })
                    .collect()
            }
        }
    }
}

/// Who decided, in a few words.
#[must_use]
pub fn decider_in_words(model: &Model, decider: Decider) -> String {
    match decider {
        Decider::NoPolicy => "no policy speaks about it".to_owned(),
        Decider::Rule(_) => model
            .deciding_origin(decider)
            .map_or_else(|| "?".to_owned(), |origin| origin.text.clone()),
        Decider::Isolation(_) => match model.deciding_policy(decider) {
            Some(policy) => format!("isolated by {}", policy.name),
            None => "?".to_owned(),
        },
        Decider::Init => "its labels are not known yet".to_owned(),
        Decider::Itself => "an endpoint may talk to itself".to_owned(),
        Decider::OwnNode => "a node may talk to its endpoints".to_owned(),
    }
}

/// Keys in words: `tcp 80..89`, `icmp 8/0`, `protocol 47`; several where they cross protocols.
#[must_use]
pub fn keys_in_words(keys: KeyRange) -> Vec<String> {
    const LOW: u32 = 0xffff;
    let (first, last) = (L4Key(keys.first), L4Key(keys.last));
    if (first, last) == (L4Key::ANY_FIRST, L4Key::ANY_LAST) {
        return vec!["any".to_owned()];
    }
    let mut words = Vec::new();
    let mut from = first.0;
    while from <= last.0 {
        let number = from >> 16;
        let end = (number << 16 | LOW).min(last.0);
        let is_whole = from & LOW == 0 && end & LOW == LOW;
        if is_whole && name_of(number).is_none() {
            // As many protocols without a name as there are in a row.
            let mut behind = number;
            while behind < last.0 >> 16
                && name_of(behind + 1).is_none()
                && (behind + 1) << 16 | LOW <= last.0
            {
                behind += 1;
            }
            words.push(if behind == number {
                format!("protocol {number}")
            } else {
                format!("protocol {number}..{behind}")
            });
            from = (behind + 1) << 16;
        } else {
            words.push(in_protocol(number, from & LOW, end & LOW));
            from = end + 1;
        }
    }
    words
}

fn name_of(number: u32) -> Option<&'static str> {
    Some(match u8::try_from(number).ok()? {
        protocol::ICMP => "icmp",
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMPV6 => "icmpv6",
        protocol::SCTP => "sctp",
        _ => return None,
    })
}

/// Keys of one protocol, by their lower halves.
fn in_protocol(number: u32, first: u32, last: u32) -> String {
    let name = name_of(number).map_or_else(|| format!("protocol {number}"), str::to_owned);
    let is_icmp = matches!(name.as_str(), "icmp" | "icmpv6");
    let one = |low: u32| match (is_icmp, low) {
        (true, low) => format!("{}/{}", low >> 8, low & 0xff),
        (false, low) => low.to_string(),
    };
    match (first, last) {
        (0, 0xffff) => name,
        (first, last) if first == last => format!("{name} {}", one(first)),
        (first, last) if is_icmp && first & 0xff == 0 && last & 0xff == 0xff => {
            match (first >> 8, last >> 8) {
                (kind, other) if kind == other => format!("{name} {kind}"),
                (kind, other) => format!("{name} {kind}..{other}"),
            }
        }
        (first, last) => format!("{name} {}..{}", one(first), one(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(first: u32, last: u32) -> String {
        keys_in_words(KeyRange { first, last }).join(" | ")
    }

    #[test]
    fn keys_are_said_as_the_source_says_them() {
        assert_eq!(words(0, 0xff_ffff), "any");
        assert_eq!(words(0x06_0050, 0x06_0050), "tcp 80");
        assert_eq!(words(0x11_0000, 0x11_0035), "udp 0..53");
        assert_eq!(words(0x01_0800, 0x01_0800), "icmp 8/0");
        assert_eq!(words(0x01_0800, 0x01_08ff), "icmp 8");
        assert_eq!(words(0x3a_0000, 0x3a_ffff), "icmpv6");
        assert_eq!(words(0x2f_0000, 0x2f_ffff), "protocol 47");
    }

    #[test]
    fn keys_that_cross_protocols_are_said_in_pieces() {
        assert_eq!(
            words(0x06_0051, 0x11_ffff),
            "tcp 81..65535 | protocol 7..16 | udp"
        );
        assert_eq!(words(0, 0x01_07ff), "protocol 0 | icmp 0..7");
    }
}
