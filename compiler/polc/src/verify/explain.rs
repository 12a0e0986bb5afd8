//! Why an expectation does not hold: who decided, and why the rules before did not match.

use std::net::IpAddr;

use polc_diagnostics::{Code, Diagnostic};
use polc_model::{
    Action, Check, Decider, Decision, Direction, Expectation, Model, Origin, Party, PolicyId, Rule,
    Test, Tier, Verdict,
};
use polc_reference::{FlowDecision, Outcome};

use super::Ends;
use crate::package::LoadedPackage;

/// Rules that are listed as not matching, at most.
const MAX_NOTES: usize = 6;

/// The policy that a decision is attributed to.
pub(super) fn policy_of(model: &Model, decider: Decider) -> Option<PolicyId> {
    match decider {
        Decider::Rule(rule) => Some(model.rule(rule)?.policy),
        Decider::Isolation(policy) => Some(policy),
        Decider::NoPolicy | Decider::Init | Decider::Itself | Decider::OwnNode => None,
    }
}

/// The diagnostic of a check that fails.
pub(super) fn failure(
    package: &LoadedPackage,
    test: &Test,
    check: &Check,
    ends: &Ends<'_>,
    decision: &FlowDecision,
) -> Diagnostic {
    let model = &package.analysis.model;
    let actual = match decision.verdict() {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
    };
    let (expected, by) = match check.expected {
        Expectation::Allowed { by } => ("allowed", by),
        Expectation::Denied { by } => ("denied", by),
    };
    let by_name = by
        .and_then(|id| model.policy(id))
        .map(|policy| &policy.name);
    let expectation = match by_name {
        Some(name) => format!("{expected} by `{name}`"),
        None => expected.to_owned(),
    };
    let label = if actual == expected {
        format!("{actual}, but not by this policy")
    } else {
        format!("actually {actual}")
    };
    let mut diagnostic = Diagnostic::new(
        Code::TestFailed,
        format!("`{}`: expected this flow to be {expectation}", test.name),
        package.place_of(&check.origin),
        label,
    );
    for (direction, decided) in telling(decision) {
        let at = end_name(test, check, direction);
        let (message, origin) = decider(model, direction, decided, &at);
        match origin {
            Some(origin) => diagnostic = diagnostic.with_label(package.place_of(origin), message),
            None => diagnostic = diagnostic.with_note(message),
        }
        for note in other_requests(package, check, ends, direction, decided) {
            diagnostic = diagnostic.with_note(note);
        }
        for note in not_matching(package, (test, check), ends, direction, decided) {
            diagnostic = diagnostic.with_note(note);
        }
    }
    if let Some(addresses) = addresses(ends) {
        diagnostic = diagnostic.with_note(addresses);
    }
    diagnostic
}

/// The decisions that explain the verdict: what denied, or everything that allowed.
fn telling(decision: &FlowDecision) -> Vec<(Direction, Decision)> {
    match decision.denial() {
        Some(denial) => vec![denial],
        None => decision.decisions().collect(),
    }
}

fn decider<'a>(
    model: &'a Model,
    direction: Direction,
    decision: Decision,
    at: &str,
) -> (String, Option<&'a Origin>) {
    let verb = match decision.verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
    };
    let origin = model.deciding_origin(decision.decider);
    let message = match decision.decider {
        Decider::Rule(id)
            if decision.verdict == Verdict::Deny
                && model
                    .rule(id)
                    .is_some_and(|rule| rule.action == Action::Allow) =>
        {
            format!(
                "{direction} of `{at}` is allowed here, but neither this rule nor another of its precedence allows the request"
            )
        }
        Decider::Rule(_) => format!("{direction} of `{at}` is {verb} by this rule"),
        Decider::Isolation(_) => format!(
            "{direction} of `{at}` is {verb}: this policy isolates it, and no rule allows the flow"
        ),
        Decider::NoPolicy => format!("{direction} of `{at}` is {verb}: no policy speaks about it"),
        Decider::Init => format!(
            "{direction} of `{at}` is {verb}: its labels are not known yet, and no rule allows the flow"
        ),
        Decider::Itself => format!("{direction} of `{at}` is {verb}: it talks to itself"),
        Decider::OwnNode => {
            format!("{direction} of `{at}` is {verb}: its own node always reaches it")
        }
    };
    (message, origin)
}

/// Notes on the other rules that a denied request was matched against.
fn other_requests(
    package: &LoadedPackage,
    check: &Check,
    ends: &Ends<'_>,
    direction: Direction,
    decision: Decision,
) -> Vec<String> {
    let model = &package.analysis.model;
    let (subject, peer) = ends.seen_from(direction);
    let (Some(request), Verdict::Deny, Decider::Rule(deciding)) =
        (&check.request, decision.verdict, decision.decider)
    else {
        return Vec::new();
    };
    let precedence = |rule: &Rule| {
        let policy = model.policy(rule.policy)?;
        Some((policy.tier, policy.priority))
    };
    let Some(wanted) = model
        .rule(deciding)
        .filter(|rule| rule.action == Action::Allow)
        .and_then(precedence)
    else {
        return Vec::new();
    };
    polc_reference::consider(model, direction, subject, peer, check.l4)
        .iter()
        .filter(|considered| considered.outcome == Outcome::Matches && considered.rule != deciding)
        .filter_map(|considered| model.rule(considered.rule))
        .filter(|rule| rule.l7.is_some() && precedence(rule) == Some(wanted))
        .map(|rule| {
            let source = collapsed(package.source_of(&rule.origin));
            let place = package.display_path(&model.place(&rule.origin));
            format!("`{source}` ({place}) does not allow `{request}` either")
        })
        .collect()
}

/// Notes on the rules for this endpoint that were asked before the decision and did not match.
fn not_matching(
    package: &LoadedPackage,
    (test, check): (&Test, &Check),
    ends: &Ends<'_>,
    direction: Direction,
    decision: Decision,
) -> Vec<String> {
    let model = &package.analysis.model;
    let (subject, peer) = ends.seen_from(direction);
    if matches!(decision.decider, Decider::Itself | Decider::OwnNode) {
        return Vec::new();
    }
    let considered = polc_reference::consider(model, direction, subject, peer, check.l4);
    let is_asked = |considered: &polc_reference::Considered| match decision.decider {
        Decider::Rule(rule) => considered.rule != rule,
        // Isolation decides at the end of the normal tier.
        Decider::Isolation(_) | Decider::Init => model
            .rule(considered.rule)
            .and_then(|rule| model.policy(rule.policy))
            .is_some_and(|policy| policy.tier <= Tier::Normal),
        _ => true,
    };
    let peer_name = match direction {
        Direction::Egress => party_name(test, check.destination),
        Direction::Ingress => party_name(test, check.source),
    };
    let mut notes = Vec::new();
    let mut more = 0;
    for considered in considered
        .iter()
        .take_while(|considered| is_asked(considered))
    {
        let why = match considered.outcome {
            Outcome::Matches | Outcome::OtherSubject => continue,
            Outcome::OtherPeer => format!("does not select `{peer_name}`"),
            Outcome::OtherL4 => format!("does not match `{}`", check.l4),
        };
        let Some(rule) = model.rule(considered.rule) else {
            continue;
        };
        if notes.len() == MAX_NOTES {
            more += 1;
            continue;
        }
        let file = model
            .files
            .get(rule.origin.file.index())
            .map_or("?", String::as_str);
        notes.push(format!(
            "`{}` ({}:{}) {why}",
            collapsed(package.source_of(&rule.origin)),
            package.display_path(file),
            rule.origin.line,
        ));
    }
    if more > 0 {
        notes.push(format!("{more} more rules do not match either"));
    }
    notes
}

/// A rule without the blanks that align it with its neighbours.
pub(super) fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of the endpoint that a direction belongs to.
fn end_name(test: &Test, check: &Check, direction: Direction) -> String {
    let party = match direction {
        Direction::Egress => check.source,
        Direction::Ingress => check.destination,
    };
    party_name(test, party)
}

/// How a test calls a party.
fn party_name(test: &Test, party: Party) -> String {
    match party {
        Party::Endpoint(index) => test
            .endpoints
            .get(index)
            .map_or_else(|| "?".to_owned(), |endpoint| endpoint.name.clone()),
        Party::Address(address) => address.to_string(),
        Party::Name(index) => test.names.get(index).cloned().unwrap_or_default(),
        Party::Host => "host".to_owned(),
        Party::Entity(entity) => entity.name().to_owned(),
    }
}

fn addresses(ends: &Ends<'_>) -> Option<String> {
    let address = |party: &polc_reference::Party<'_>| -> Option<IpAddr> {
        party.facts.network.map(|network| network.addr())
    };
    match (address(&ends.source), address(&ends.destination)) {
        (Some(source), Some(destination)) => Some(format!("judged from {source} to {destination}")),
        _ => None,
    }
}
