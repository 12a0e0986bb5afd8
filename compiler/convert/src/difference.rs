//! Whether two Models say the same, whatever words they were read from.

use std::collections::BTreeMap;

use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, L4Term, L7Match, Model, Policy,
    SelectorExpr, SelectorId, Tier, sets,
};

/// What a policy says, without where it says so.
#[derive(PartialEq, Eq)]
struct Said<'m> {
    subject: Option<SelectorExpr>,
    order: (Tier, u32),
    enforcement: Enforcement,
    isolation: [Option<Isolation>; 2],
    /// In an order of their own: that of rules in a policy means nothing.
    rules: Vec<SaidRule<'m>>,
}

type SaidRule<'m> = (
    Direction,
    Action,
    Option<SelectorExpr>,
    L4Match,
    Option<&'m L7Match>,
);

/// The first difference between what two Models say, in words. Origins, comments and the texts of
/// selectors are no difference, and neither is the order of rules inside a policy.
#[must_use]
pub fn difference(one: &Model, other: &Model) -> Option<String> {
    if one.host_access != other.host_access {
        return Some("`host_access`".to_owned());
    }
    let (mut ours, theirs) = (policies(one), policies(other));
    for (name, theirs) in theirs {
        match ours.remove(name) {
            None => return Some(format!("the policy `{name}` is new")),
            Some(ours) if ours != theirs => return Some(format!("the policy `{name}`")),
            Some(_) => {}
        }
    }
    let lost = ours.into_keys().next();
    lost.map(|name| format!("the policy `{name}` is lost"))
}

fn policies(model: &Model) -> BTreeMap<&str, Said<'_>> {
    let mut said: BTreeMap<&str, Said<'_>> = model
        .policies
        .iter()
        .map(|policy| (policy.name.as_str(), said(model, policy)))
        .collect();
    for rule in &model.rules {
        let expr = peers(model, rule.peer);
        let policy = model.policy(rule.policy);
        if let Some(said) = policy.and_then(|policy| said.get_mut(policy.name.as_str())) {
            let l4 = sorted(&rule.l4);
            let rule = (rule.direction, rule.action, expr, l4, rule.l7.as_ref());
            said.rules.push(rule);
        }
    }
    for said in said.values_mut() {
        said.rules.sort();
    }
    said
}

fn said<'m>(model: &'m Model, policy: &'m Policy) -> Said<'m> {
    // Policies of other tiers never isolate, whatever they say.
    let isolation = |isolation: Option<Isolation>| match policy.tier {
        Tier::Normal => isolation,
        Tier::Admin | Tier::Baseline => isolation.and(Some(Isolation::DefaultAllow)),
    };
    Said {
        subject: peers(model, policy.subject),
        order: (policy.tier, policy.priority),
        enforcement: policy.enforcement,
        isolation: [policy.ingress, policy.egress].map(isolation),
        rules: Vec::new(),
    }
}

fn peers(model: &Model, id: SelectorId) -> Option<SelectorExpr> {
    let selector = model.selector(id)?;
    Some(sets::canonical(&selector.expr))
}

/// The union of the same terms is the same union.
fn sorted(l4: &L4Match) -> L4Match {
    match l4 {
        L4Match::Any => L4Match::Any,
        L4Match::Of(terms) => {
            let mut terms: Vec<L4Term> = terms.clone();
            terms.sort();
            terms.dedup();
            L4Match::Of(terms)
        }
    }
}
