//! A Model as Kubernetes objects, where they can say it.
//!
//! An object says all of a policy, or the policy is reported: nothing is left out. What differs is a
//! policy's name where it is none of Kubernetes: `cart_ingress` for endpoints of the namespace `shop`
//! becomes `shop/cart-ingress`. [`write`] gives the Model with those names, to compare with.

mod cilium;
mod endpoints;
mod names;
mod network_policy;
mod requests;
mod yaml;

use polc_model::{
    Action, DEFAULT_PRIORITY, Direction, Enforcement, HostAccess, Isolation, Model, Policy,
    PolicyId, Rule, SelectorExpr, Tier,
};

use crate::Unsayable;
use names::Names;

/// Kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `NetworkPolicy` of `networking.k8s.io/v1`.
    NetworkPolicy,
    /// `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy` of `cilium.io/v2`.
    Cilium,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Objects {
    /// YAML, a document for each policy.
    pub text: String,
    /// The Model that it was written from, with the names that the objects have.
    pub model: Model,
}

/// Writes the policies of a Model. Its services, tests and assertions are not policies.
///
/// # Errors
/// Everything that objects of this kind cannot say.
pub fn write(model: &Model, kind: Kind) -> Result<Objects, Vec<Unsayable>> {
    let mut names = Names::default();
    let mut named = model.clone();
    let mut text = String::new();
    let mut problems = Vec::new();
    for (number, policy) in model.policies.iter().enumerate() {
        let policy = Read {
            model,
            policy,
            id: PolicyId::new(number),
        };
        let (object, found) = match kind {
            Kind::NetworkPolicy => network_policy::write(&policy, &mut names),
            Kind::Cilium => cilium::write(&policy, &mut names),
        };
        problems.extend(found);
        if number == 0 && model.host_access == HostAccess::Restricted {
            problems.push(policy.unsayable("these objects have no `host_access restricted`"));
        }
        let Some((name, object)) = object else {
            continue;
        };
        if let Some(policy) = named.policies.get_mut(number) {
            policy.name = name.full();
        }
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(&yaml::document(object));
    }
    match problems.is_empty() {
        true => Ok(Objects { text, model: named }),
        false => Err(problems),
    }
}

/// A policy that is to be said.
struct Read<'m> {
    model: &'m Model,
    policy: &'m Policy,
    id: PolicyId,
}

/// An object with its name, and what it cannot say.
type Written = (Option<(names::Name, yaml::Mapping)>, Vec<Unsayable>);

impl<'m> Read<'m> {
    fn subject(&self) -> Option<&'m SelectorExpr> {
        let subject = self.model.selector(self.policy.subject)?;
        Some(&subject.expr)
    }

    /// Its rules in a direction, with their peers.
    fn rules(&self, direction: Direction) -> impl Iterator<Item = (&'m Rule, &'m SelectorExpr)> {
        let model = self.model;
        let rules = model.rules_of(self.id).map(|(_, rule)| rule);
        let rules = rules.filter(move |rule| rule.direction == direction);
        rules.filter_map(|rule| Some((rule, &model.selector(rule.peer)?.expr)))
    }

    fn unsayable(&self, what: impl Into<String>) -> Unsayable {
        Unsayable {
            policy: self.policy.name.clone(),
            what: what.into(),
            origin: None,
        }
    }

    fn unsayable_rule(&self, rule: &Rule, what: impl Into<String>) -> Unsayable {
        Unsayable {
            origin: Some(rule.origin.clone()),
            ..self.unsayable(what)
        }
    }

    /// What no object of either kind says of a policy as a whole.
    fn settings(&self, problems: &mut Vec<Unsayable>) {
        let policy = self.policy;
        if policy.tier != Tier::Normal {
            let what = format!("these objects have no tier `{}`", policy.tier.name());
            problems.push(self.unsayable(what));
        }
        if policy.priority != DEFAULT_PRIORITY {
            problems.push(self.unsayable("these objects have no priorities"));
        }
        if policy.enforcement == Enforcement::Audit {
            problems.push(self.unsayable("these objects have no `audit`"));
        }
    }

    /// The directions that it covers.
    fn covered(&self) -> impl Iterator<Item = (Direction, Isolation)> {
        let policy = self.policy;
        let covers = move |direction| Some((direction, policy.covers(direction)?));
        Direction::BOTH.into_iter().filter_map(covers)
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::Reject => "reject",
        Action::Pass => "pass",
    }
}

/// The parts of a union, or all of it.
fn parts(expr: &SelectorExpr) -> &[SelectorExpr] {
    match expr {
        SelectorExpr::AnyOf(parts) => parts,
        other => std::slice::from_ref(other),
    }
}
