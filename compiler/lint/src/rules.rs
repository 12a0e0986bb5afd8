//! Questions about pairs of rules that several lints ask.

use polc_model::{Action, Direction, Enforcement, SelectorId, Tier};
use polc_plan::intervals::{KeyRange, ranges_of, sure_ranges_of};

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
    let ranges: Vec<Vec<KeyRange>> = context
        .model
        .rules
        .iter()
        .map(|rule| ranges_of(&rule.l4))
        .collect();
    let sure: Vec<Vec<KeyRange>> = context
        .model
        .rules
        .iter()
        .map(|rule| sure_ranges_of(&rule.l4))
        .collect();
    let sure = |rule: &RuleOf<'_>| sure.get(rule.id.index()).map_or(&[][..], Vec::as_slice);
    let ranges = |rule: &RuleOf<'_>| ranges.get(rule.id.index()).map_or(&[][..], Vec::as_slice);
    let cover_of = |of: &RuleOf<'a>| {
        context
            .rules_near(of.policy.subject)
            .filter(|by| {
                by.id != of.id
                    && is_enforced(by)
                    // Some requests are not all of them.
                    && by.rule.l7.is_none()
                    && by.rule.direction == of.rule.direction
                    && is_asked_before(by, of)
                    && covers(sure(by), ranges(of))
                    && says_all_above_l4(by, of)
                    && context.implies(of.rule.peer, by.rule.peer)
                    && context.implies(of.policy.subject, by.policy.subject)
            })
            .min_by_key(|by| (precedence(by), by.id))
    };
    let enforced = context.rules().filter(is_enforced);
    enforced
        .filter_map(|of| {
            Some(Cover {
                by: cover_of(&of)?,
                of,
            })
        })
        .collect()
}

fn is_enforced(rule: &RuleOf<'_>) -> bool {
    rule.policy.enforcement == Enforcement::Enforce
}

/// Whether `by` leaves nothing to say about requests. Rules of one precedence add their requests up;
/// before that, whoever hands the connection to the proxy has decided.
fn says_all_above_l4(by: &RuleOf<'_>, of: &RuleOf<'_>) -> bool {
    precedence(by) != precedence(of) || by.rule.l7 == of.rule.l7
}

/// Whether `by` ends the search, or leaves the tier, before `of` is asked.
fn is_asked_before(by: &RuleOf<'_>, of: &RuleOf<'_>) -> bool {
    let (by_at, of_at) = ((precedence(by), by.id), (precedence(of), of.id));
    if by.rule.action == Action::Pass && by.policy.tier != of.policy.tier {
        return false;
    }
    by_at < of_at
}

/// The rules of a direction that allow.
pub(crate) fn allows<'a>(
    context: &Context<'a>,
    direction: Direction,
) -> impl Iterator<Item = RuleOf<'a>> {
    context
        .rules()
        .filter(move |rule| allows_in(rule, direction))
}

/// As [`allows`], of policies that may select an endpoint that this subject selects.
pub(crate) fn allows_near<'c, 'a>(
    context: &'c Context<'a>,
    direction: Direction,
    subject: SelectorId,
) -> impl Iterator<Item = RuleOf<'a>> + use<'c, 'a> {
    context
        .rules_near(subject)
        .filter(move |rule| allows_in(rule, direction))
}

fn allows_in(rule: &RuleOf<'_>, direction: Direction) -> bool {
    rule.rule.direction == direction && rule.rule.action == Action::Allow && is_enforced(rule)
}

/// Whether two rules belong to one policy.
pub(crate) fn same_policy(one: &RuleOf<'_>, other: &RuleOf<'_>) -> bool {
    one.rule.policy == other.rule.policy
}

/// Whether an action drops.
pub(crate) const fn drops(action: Action) -> bool {
    matches!(action, Action::Deny | Action::Reject)
}
