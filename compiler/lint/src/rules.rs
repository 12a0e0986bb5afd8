//! Questions about pairs of rules that several lints ask.

use std::collections::BTreeMap;

use polc_model::{Action, Direction, Enforcement, LabelOperator, SelectorExpr, Tier};
use polc_plan::intervals::{KeyRange, ranges_of};

use crate::context::{Context, RuleOf};

/// The order in which rules are asked: tier, priority, deny before allow before pass.
pub(crate) type Precedence = (Tier, u32, u8);

pub(crate) fn precedence(rule: &RuleOf<'_>) -> Precedence {
    (
        rule.policy.tier,
        rule.policy.priority,
        rule.rule.action.rank(),
    )
}

/// Whether every L4 key of `narrow` is one of `wide`.
pub(crate) fn covers(wide: &[KeyRange], narrow: &[KeyRange]) -> bool {
    narrow.iter().all(|range| {
        let after = wide.partition_point(|one| one.first <= range.first);
        let before = after.checked_sub(1).and_then(|index| wide.get(index));
        before.is_some_and(|one| range.last <= one.last)
    })
}

/// Whether some L4 key is in both.
pub(crate) fn overlap(one: &[KeyRange], other: &[KeyRange]) -> bool {
    one.iter().any(|first| {
        other
            .iter()
            .any(|second| first.first <= second.last && second.first <= first.last)
    })
}

/// A rule that always decides before another one does.
#[derive(Clone, Copy)]
pub(crate) struct Cover<'a> {
    pub(crate) by: RuleOf<'a>,
    pub(crate) of: RuleOf<'a>,
}

/// For each rule, the first other rule that takes away everything that it could decide: whoever
/// its policy selects, the other's policy selects, too; peers and ports are among the other's; and
/// the other is asked before. Audited policies decide nothing and take part in nothing.
pub(crate) fn covered<'a>(context: &Context<'a>) -> Vec<Cover<'a>> {
    let index = Index::new(context);
    let mut covers_found = Vec::new();
    for of in context.rules().filter(is_enforced) {
        if let Some(by) = index.cover_of(context, &of) {
            covers_found.push(Cover { by, of });
        }
    }
    covers_found
}

fn is_enforced(rule: &RuleOf<'_>) -> bool {
    rule.policy.enforcement == Enforcement::Enforce
}

/// A rule, and the L4 keys that it matches.
type Indexed<'a> = (RuleOf<'a>, Vec<KeyRange>);

/// Rules by something that the subject of every rule they cover must require, so that most pairs
/// are never looked at.
struct Index<'a> {
    /// Rules whose subjects require nothing in particular.
    anyone: Vec<Indexed<'a>>,
    /// By the first label that the subject requires, key and value.
    by_label: BTreeMap<(&'a str, &'a str), Vec<Indexed<'a>>>,
}

impl<'a> Index<'a> {
    fn new(context: &Context<'a>) -> Self {
        let mut index = Self {
            anyone: Vec::new(),
            by_label: BTreeMap::new(),
        };
        for rule in context.rules().filter(is_enforced) {
            let ranges = ranges_of(&rule.rule.l4);
            let required = context
                .expr(rule.policy.subject)
                .map(required_labels)
                .unwrap_or_default();
            match required.first() {
                Some(&label) => index
                    .by_label
                    .entry(label)
                    .or_default()
                    .push((rule, ranges)),
                None => index.anyone.push((rule, ranges)),
            }
        }
        index
    }

    fn cover_of(&self, context: &Context<'a>, of: &RuleOf<'a>) -> Option<RuleOf<'a>> {
        let required = context
            .expr(of.policy.subject)
            .map(required_labels)
            .unwrap_or_default();
        let alike = required
            .iter()
            .filter_map(|label| self.by_label.get(label))
            .flatten();
        let ranges = ranges_of(&of.rule.l4);
        self.anyone
            .iter()
            .chain(alike)
            .filter(|(by, by_ranges)| {
                by.id != of.id
                    && by.rule.direction == of.rule.direction
                    && is_asked_before(by, of)
                    && covers(by_ranges, &ranges)
                    && context.implies(of.rule.peer, by.rule.peer)
                    && context.implies(of.policy.subject, by.policy.subject)
            })
            .map(|(by, _)| *by)
            .min_by_key(|by| (precedence(by), by.id))
    }
}

/// Whether `by` ends the search, or leaves the tier, before `of` is asked.
fn is_asked_before(by: &RuleOf<'_>, of: &RuleOf<'_>) -> bool {
    let (by_at, of_at) = ((precedence(by), by.id), (precedence(of), of.id));
    if by.rule.action == Action::Pass && by.policy.tier != of.policy.tier {
        return false;
    }
    by_at < of_at
}

/// Labels that whoever satisfies the expression has, as far as is plain to see.
fn required_labels(expr: &SelectorExpr) -> Vec<(&str, &str)> {
    match expr {
        SelectorExpr::Label {
            key,
            operator: LabelOperator::In(values),
        } => match &values[..] {
            [only] => vec![(key, only)],
            _ => Vec::new(),
        },
        SelectorExpr::AllOf(parts) => parts.iter().flat_map(required_labels).collect(),
        SelectorExpr::Minus(base, _) => required_labels(base),
        _ => Vec::new(),
    }
}

/// The rules of a direction that allow, each with its policy.
pub(crate) fn allows<'a>(
    context: &Context<'a>,
    direction: Direction,
) -> impl Iterator<Item = RuleOf<'a>> {
    context.rules().filter(move |rule| {
        rule.rule.direction == direction && rule.rule.action == Action::Allow && is_enforced(rule)
    })
}

/// Whether two rules belong to one policy.
pub(crate) fn same_policy(one: &RuleOf<'_>, other: &RuleOf<'_>) -> bool {
    one.rule.policy == other.rule.policy
}

/// Whether an action drops.
pub(crate) const fn drops(action: Action) -> bool {
    matches!(action, Action::Deny | Action::Reject)
}
