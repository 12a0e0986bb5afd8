//! What policies can say and no back end can enforce yet. Nothing of it is ever silently dropped.

use std::fmt;

use polc_model::{
    L7Match, Model, Origin, Policy, PolicyId, Rule, RuleId, SelectorExpr, SelectorId,
};

/// Something that a package says and that has no back end yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What it says, as the source writes it.
    pub construct: &'static str,
    /// Where it says so.
    pub site: Site,
}

/// The part of a Model that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// A policy.
    Policy(PolicyId),
    /// A rule.
    Rule(RuleId),
    /// Index into [`Model::services`].
    Service(usize),
}

impl Site {
    /// Where it was written. `None` only for a site of another Model.
    #[must_use]
    pub fn origin(self, model: &Model) -> Option<&Origin> {
        Some(match self {
            Self::Policy(id) => &model.policy(id)?.origin,
            Self::Rule(id) => &model.rule(id)?.origin,
            Self::Service(index) => &model.services.get(index)?.origin,
        })
    }

    /// The kind and name of the item that it belongs to. `None` only for a site of another Model.
    #[must_use]
    pub fn item(self, model: &Model) -> Option<(&'static str, &str)> {
        Some(match self {
            Self::Policy(id) => ("policy", &model.policy(id)?.name),
            Self::Rule(id) => ("policy", &model.policy(model.rule(id)?.policy)?.name),
            Self::Service(index) => ("service", &model.services.get(index)?.name),
        })
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be enforced yet", self.construct)
    }
}

impl std::error::Error for Unsupported {}

/// Everything in a Model that has no back end yet: policies and their rules in order, then services.
#[must_use]
pub fn unsupported(model: &Model) -> Vec<Unsupported> {
    let mut found = Vec::new();
    let mut rules = model.rules_with_ids().peekable();
    for (id, policy) in model.policies_with_ids() {
        let construct = of_policy(model, policy);
        found.extend(construct.map(|construct| Unsupported {
            construct,
            site: Site::Policy(id),
        }));
        while let Some((rule_id, rule)) = rules.next_if(|(_, rule)| rule.policy == id) {
            let constructs = of_rule(model, rule).into_iter().flatten();
            found.extend(constructs.map(|construct| Unsupported {
                construct,
                site: Site::Rule(rule_id),
            }));
        }
    }
    found.extend((0..model.services.len()).map(|index| Unsupported {
        construct: "service",
        site: Site::Service(index),
    }));
    found
}

fn of_policy(model: &Model, policy: &Policy) -> Option<&'static str> {
    of_selector(model, policy.subject)
}

fn of_rule(model: &Model, rule: &Rule) -> [Option<&'static str>; 2] {
    [
        of_selector(model, rule.peer),
        rule.l7.as_ref().map(|l7| match l7 {
            L7Match::Http(_) => "only",
            L7Match::Sni(_) => "sni",
            L7Match::Dns(_) => "dns",
        }),
    ]
}

fn of_selector(model: &Model, id: SelectorId) -> Option<&'static str> {
    let mut found = None;
    let expr = &model.selector(id)?.expr;
    expr.visit_leaves(&mut |leaf| {
        if let SelectorExpr::Dns(_) = leaf {
            found = Some("dns");
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use polc_model::{Isolation, Selector, Service, Tier};

    use super::*;

    #[test]
    fn services_are_named_with_their_items() {
        let origin = Origin::default();
        let mut model = Model {
            files: vec!["a.pol".to_owned()],
            selectors: vec![Selector {
                expr: SelectorExpr::ALL,
                text: "all".to_owned(),
            }],
            ..Model::default()
        };
        model.policies.push(Policy {
            name: "watched".to_owned(),
            subject: SelectorId::new(0),
            tier: Tier::Normal,
            priority: 0,
            enforcement: polc_model::Enforcement::Audit,
            ingress: Some(Isolation::Isolates),
            egress: None,
            doc: None,
            origin: origin.clone(),
        });
        model.services.push(Service {
            name: "cart".to_owned(),
            addresses: Vec::new(),
            ports: Vec::new(),
            backends: SelectorId::new(0),
            balance: polc_model::Balance::default(),
            affinity: None,
            external: None,
            doc: None,
            origin,
        });
        let items: Vec<_> = unsupported(&model)
            .iter()
            .map(|one| (one.construct, one.site.item(&model)))
            .collect();
        assert_eq!(items, [("service", Some(("service", "cart")))]);
    }
}
