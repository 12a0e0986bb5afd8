//! What must hold of every Model. Front ends produce only valid Models; a bundle is checked again
//! where it is read, because it came from outside.

use std::fmt;

use crate::{Expectation, L4Match, L4Term, Model, Party, PolicyId, RuleId, Tier};

/// The most rules, and the most policies, of one package: what a decider's index can hold.
pub const MAX_ITEMS: usize = 1 << 28;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Violation {}

/// Checks that every index points into the Model, that order is as [`Model`] promises, and that
/// no match is empty.
///
/// # Errors
/// The first thing that does not hold.
pub fn validate(model: &Model) -> Result<(), Violation> {
    if model.rules.len() > MAX_ITEMS || model.policies.len() > MAX_ITEMS {
        return Err(violation(format!(
            "more than {MAX_ITEMS} rules or policies"
        )));
    }
    ordered("files", &model.files, |file| file)?;
    ordered("policies", &model.policies, |policy| &policy.name)?;
    for (id, policy) in model.policies_with_ids() {
        validate_policy(model, id, policy)?;
    }
    if !model.rules.is_sorted_by_key(|rule| rule.policy) {
        return Err(violation("rules are not grouped by policy".to_owned()));
    }
    for (id, rule) in model.rules_with_ids() {
        validate_rule(model, id, rule)?;
    }
    model
        .tests
        .iter()
        .try_for_each(|test| validate_test(model, test))
}

fn violation(message: String) -> Violation {
    Violation { message }
}

fn ordered<T>(what: &str, items: &[T], key: impl Fn(&T) -> &String) -> Result<(), Violation> {
    if items.is_sorted_by(|one, next| key(one) < key(next)) {
        Ok(())
    } else {
        Err(violation(format!(
            "{what} are not in order of name, or a name occurs twice"
        )))
    }
}

fn known_file(model: &Model, origin: &crate::Origin, what: &str) -> Result<(), Violation> {
    if origin.file.index() < model.files.len() {
        Ok(())
    } else {
        Err(violation(format!(
            "{what} names a source file that does not exist"
        )))
    }
}

fn validate_policy(model: &Model, id: PolicyId, policy: &crate::Policy) -> Result<(), Violation> {
    let name = &policy.name;
    known_file(model, &policy.origin, &format!("policy `{name}`"))?;
    let Some(subject) = model.selector(policy.subject) else {
        return Err(violation(format!("policy `{name}` has an unknown subject")));
    };
    // An endpoint's policy class is found by its labels alone: a subject that also asks for an
    // address would select nobody, and what it was to protect would be open.
    let mut asks_for_address = false;
    subject.expr.visit_cidrs(&mut |_| asks_for_address = true);
    if asks_for_address {
        return Err(violation(format!(
            "policy `{name}` selects its endpoints by address"
        )));
    }
    let isolates = [policy.ingress, policy.egress].contains(&Some(crate::Isolation::Isolates));
    if isolates && policy.tier != Tier::Normal {
        return Err(violation(format!(
            "policy `{name}` (number {}) isolates but is not of the normal tier",
            id.raw()
        )));
    }
    Ok(())
}

fn validate_rule(model: &Model, id: RuleId, rule: &crate::Rule) -> Result<(), Violation> {
    let number = id.raw();
    known_file(model, &rule.origin, &format!("rule {number}"))?;
    let Some(policy) = model.policy(rule.policy) else {
        return Err(violation(format!(
            "rule {number} belongs to an unknown policy"
        )));
    };
    if model.selector(rule.peer).is_none() {
        return Err(violation(format!("rule {number} has an unknown peer")));
    }
    if policy.covers(rule.direction).is_none() {
        return Err(violation(format!(
            "rule {number} is for {}, which policy `{}` does not cover",
            rule.direction, policy.name
        )));
    }
    match &rule.l4 {
        L4Match::Any => Ok(()),
        L4Match::Of(terms) if terms.is_empty() => {
            Err(violation(format!("rule {number} matches no protocol")))
        }
        L4Match::Of(terms) => terms
            .iter()
            .try_for_each(|term| validate_term(number, term)),
    }
}

fn validate_term(rule: u32, term: &L4Term) -> Result<(), Violation> {
    match term {
        L4Term::Ports { ports, .. } if ports.first > ports.last => Err(violation(format!(
            "rule {rule} has a port range that runs backwards"
        ))),
        L4Term::Icmp {
            kind: None,
            code: Some(_),
            ..
        } => Err(violation(format!(
            "rule {rule} has an ICMP code without a type"
        ))),
        _ => Ok(()),
    }
}

fn validate_test(model: &Model, test: &crate::Test) -> Result<(), Violation> {
    let name = &test.name;
    known_file(model, &test.origin, &format!("test `{name}`"))?;
    for check in &test.checks {
        known_file(model, &check.origin, &format!("a check of test `{name}`"))?;
        for party in [check.source, check.destination] {
            if matches!(party, Party::Endpoint(index) if index >= test.endpoints.len()) {
                return Err(violation(format!("test `{name}` uses an unknown endpoint")));
            }
        }
        let (Expectation::Allowed { by } | Expectation::Denied { by }) = check.expected;
        if by.is_some_and(|policy| model.policy(policy).is_none()) {
            return Err(violation(format!("test `{name}` names an unknown policy")));
        }
    }
    Ok(())
}
