//! What must hold of every Model. Front ends produce only valid Models; a bundle is checked again
//! where it is read, because it came from outside.

use std::fmt;

use crate::{
    Action, Direction, Expectation, L4Match, L4Term, L7Match, Model, Party, PolicyId, PortProtocol,
    RuleId, Tier,
};

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
    ordered("services", &model.services, |service| &service.name)?;
    for service in &model.services {
        validate_service(model, service)?;
    }
    for test in &model.tests {
        validate_test(model, test)?;
    }
    model
        .assertions
        .iter()
        .try_for_each(|assertion| validate_assertion(model, assertion))
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
    subject
        .expr
        .visit_leaves(&mut |leaf| asks_for_address |= leaf.is_of_addresses());
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
    let Some(peer) = model.selector(rule.peer) else {
        return Err(violation(format!("rule {number} has an unknown peer")));
    };
    if rule.direction == Direction::Ingress && peer.expr.asks_for_names() {
        return Err(violation(format!(
            "rule {number} is for ingress and asks for DNS names"
        )));
    }
    if policy.covers(rule.direction).is_none() {
        return Err(violation(format!(
            "rule {number} is for {}, which policy `{}` does not cover",
            rule.direction, policy.name
        )));
    }
    validate_l7(number, rule)?;
    validate_l4(&format!("rule {number}"), &rule.l4)
}

fn validate_l7(number: u32, rule: &crate::Rule) -> Result<(), Violation> {
    let Some(l7) = &rule.l7 else { return Ok(()) };
    let is_empty = match l7 {
        L7Match::Http(matches) => matches.is_empty(),
        L7Match::Sni(names) | L7Match::Dns(names) => names.is_empty(),
    };
    if is_empty {
        return Err(violation(format!("rule {number} matches no request")));
    }
    if matches!(l7, L7Match::Dns(_)) {
        let has_ports = matches!(&rule.l4, L4Match::Of(terms) if terms.iter().all(|term| {
            matches!(term, L4Term::Ports { .. } | L4Term::NamedPort { .. })
        }));
        return match has_ports
            && rule.action == Action::Allow
            && rule.direction == Direction::Egress
        {
            true => Ok(()),
            false => Err(violation(format!(
                "rule {number} matches DNS queries but does not allow egress to ports"
            ))),
        };
    }
    // What looks into requests cannot be asked about anything else.
    let is_tcp = matches!(&rule.l4, L4Match::Of(terms) if terms.iter().all(|term| {
        matches!(
            term,
            L4Term::Ports { protocol: PortProtocol::Tcp, .. }
                | L4Term::NamedPort { protocol: PortProtocol::Tcp, .. }
        )
    }));
    if !is_tcp || rule.action != Action::Allow {
        return Err(violation(format!(
            "rule {number} matches requests but does not allow tcp ports"
        )));
    }
    Ok(())
}

fn validate_l4(what: &str, l4: &L4Match) -> Result<(), Violation> {
    match l4 {
        L4Match::Any => Ok(()),
        L4Match::Of(terms) if terms.is_empty() => {
            Err(violation(format!("{what} matches no protocol")))
        }
        L4Match::Of(terms) => terms.iter().try_for_each(|term| validate_term(what, term)),
    }
}

fn validate_term(what: &str, term: &L4Term) -> Result<(), Violation> {
    match term {
        L4Term::Ports { ports, .. } if ports.first > ports.last => Err(violation(format!(
            "{what} has a port range that runs backwards"
        ))),
        L4Term::Icmp {
            kind: None,
            code: Some(_),
            ..
        } => Err(violation(format!("{what} has an ICMP code without a type"))),
        _ => Ok(()),
    }
}

fn validate_test(model: &Model, test: &crate::Test) -> Result<(), Violation> {
    let name = &test.name;
    known_file(model, &test.origin, &format!("test `{name}`"))?;
    for check in &test.checks {
        known_file(model, &check.origin, &format!("a check of test `{name}`"))?;
        for party in [check.source, check.destination] {
            let is_unknown = match party {
                Party::Endpoint(index) => index >= test.endpoints.len(),
                Party::Name(index) => index >= test.names.len(),
                Party::Entity(entity) => !Party::ENTITIES.contains(&entity),
                Party::Address(_) | Party::Host => false,
            };
            if is_unknown {
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

fn validate_service(model: &Model, service: &crate::Service) -> Result<(), Violation> {
    let what = format!("service `{}`", service.name);
    known_file(model, &service.origin, &what)?;
    if model.selector(service.backends).is_none() {
        return Err(violation(format!("{what} has unknown backends")));
    }
    if service.addresses.is_empty() || service.ports.is_empty() {
        return Err(violation(format!("{what} has no address or no port")));
    }
    Ok(())
}

fn validate_assertion(model: &Model, assertion: &crate::Assertion) -> Result<(), Violation> {
    known_file(model, &assertion.origin, "an assertion")?;
    for selector in [assertion.sources, assertion.destinations] {
        if model.selector(selector).is_none() {
            return Err(violation("an assertion has unknown peers".to_owned()));
        }
    }
    validate_l4("an assertion", &assertion.l4)
}
