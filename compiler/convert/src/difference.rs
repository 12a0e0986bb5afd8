//! Whether two Models say the same, whatever words they were read from.

use std::collections::BTreeMap;

use polc_model::{
    Action, Direction, Enforcement, Entity, Isolation, L4Match, L7Match, LabelOperator, Model,
    Policy, SelectorExpr, SelectorId, Tier,
    selector::{CLUSTER_LABEL, NAMESPACE_NAME_LABEL, SERVICE_ACCOUNT_LABEL},
    sets,
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
/// selectors are no difference, and neither are the order of rules inside a policy, and whether several
/// peers or ports are one rule or several.
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
        let policy = model.policy(rule.policy);
        let Some(said) = policy.and_then(|policy| said.get_mut(policy.name.as_str())) else {
            continue;
        };
        for peer in each(peers(model, rule.peer)) {
            for l4 in terms(&rule.l4) {
                let l7 = rule.l7.as_ref();
                let peer = peer.clone();
                said.rules.push((rule.direction, rule.action, peer, l4, l7));
            }
        }
    }
    for said in said.values_mut() {
        said.rules.sort();
        said.rules.dedup();
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
    Some(sets::canonical(&by_name(&selector.expr)))
}

/// The same peers, where what goes without saying is not said, and a namespace is said by its name and
/// not by the label with it.
fn by_name(expr: &SelectorExpr) -> SelectorExpr {
    let all = |parts: &[SelectorExpr]| parts.iter().map(by_name).collect();
    match expr {
        SelectorExpr::NamespaceLabel {
            key,
            operator: LabelOperator::In(names),
        } if key == NAMESPACE_NAME_LABEL => {
            sets::union(names.iter().cloned().map(SelectorExpr::Namespace))
        }
        // Every endpoint has these.
        SelectorExpr::Label {
            key,
            operator: LabelOperator::Exists,
        } if [CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL].contains(&key.as_str()) => {
            SelectorExpr::Entity(Entity::Endpoints)
        }
        SelectorExpr::AnyOf(parts) => SelectorExpr::AnyOf(all(parts)),
        SelectorExpr::AllOf(parts) => SelectorExpr::AllOf(all(parts)),
        SelectorExpr::Minus(base, except) => {
            SelectorExpr::Minus(Box::new(by_name(base)), Box::new(by_name(except)))
        }
        leaf => leaf.clone(),
    }
}

/// A rule about several peers is several rules, and one about nobody is none.
fn each(peers: Option<SelectorExpr>) -> Vec<Option<SelectorExpr>> {
    match peers {
        Some(SelectorExpr::Entity(Entity::None)) => Vec::new(),
        Some(SelectorExpr::AnyOf(parts)) => parts.into_iter().map(Some).collect(),
        other => vec![other],
    }
}

/// A rule about several ports is several rules.
fn terms(l4: &L4Match) -> Vec<L4Match> {
    match l4 {
        L4Match::Any => vec![L4Match::Any],
        L4Match::Of(terms) => {
            let terms = terms.iter().cloned();
            terms.map(|term| L4Match::Of(vec![term])).collect()
        }
    }
}
