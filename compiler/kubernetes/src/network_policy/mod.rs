//! `NetworkPolicy` of `networking.k8s.io/v1`.

pub(crate) mod metadata;
pub(crate) mod peers;
pub(crate) mod ports;

use polc_diagnostics::Code;
use polc_model::{
    Action, DEFAULT_PRIORITY, Direction, Entity, Isolation, L4Match, Selector, SelectorExpr, Tier,
    sets,
};

use crate::{
    Policy, Rule,
    labels::{self, one_of},
    located::{Node, Span},
    reader::{Field, Fields, list, text},
    report::Report,
};
use metadata::Scope;

/// What a policy's directions are, and where they are named.
struct Types {
    ingress: bool,
    egress: bool,
    /// The field, where there is one.
    key: Option<Span>,
}

/// Reads a policy. `None` where it has no name to go by.
pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Policy> {
    let what = "a NetworkPolicy";
    // `status` was part of the kind for some versions, and is in what they printed.
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let fields = Fields::of(node, what, &known, report)?;
    let metadata = metadata::read(&fields, what, Scope::Namespace, report);
    // A policy without `spec` selects every pod of its namespace.
    let spec = fields.get("spec").map(|field| {
        let known = ["podSelector", "policyTypes", "ingress", "egress"];
        Fields::of(field.value, "the `spec` of a NetworkPolicy", &known, report)
    });
    let spec = match spec {
        Some(None) => return None,
        Some(Some(spec)) => Some(spec),
        None => None,
    };
    let get = |name| spec.as_ref().and_then(|spec| spec.get(name));
    let subject = match get("podSelector") {
        Some(field) => labels::selector(field.value, "`podSelector`", report),
        None => Some(labels::Conditions::new()),
    };
    let (ingress, egress) = (get("ingress"), get("egress"));
    let ingress_rules = rules_of(ingress, Direction::Ingress, report);
    let egress_rules = rules_of(egress, Direction::Egress, report);
    let default = Types {
        ingress: true,
        egress: egress_rules.is_some_and(|rules| !rules.is_empty()),
        key: None,
    };
    let types = match get("policyTypes") {
        Some(field) => types(field, default, report),
        None => default,
    };
    // Without it there is no policy, but there is more to say about its rules.
    let namespace = metadata.as_ref().map_or("", |one| one.namespace.as_str());
    let mut rules = Vec::new();
    for (covered, field, items, direction) in [
        (types.ingress, ingress, ingress_rules, Direction::Ingress),
        (types.egress, egress, egress_rules, Direction::Egress),
    ] {
        let items = items.unwrap_or_default();
        let mut of_direction = Vec::new();
        for item in items {
            of_direction.extend(rule(item, direction, namespace, report));
        }
        if covered {
            rules.append(&mut of_direction);
        } else if let Some(field) = field.filter(|_| !items.is_empty()) {
            no_effect(field, &types, direction, report);
        }
    }
    let metadata = metadata.as_ref()?;
    let isolates = |covered: bool| covered.then_some(Isolation::Isolates);
    Some(Policy {
        doc: None,
        subject: match subject {
            Some(conditions) => peers::in_namespace(&conditions, namespace),
            None => nothing(),
        },
        ingress: isolates(types.ingress),
        egress: isolates(types.egress),
        name: format!("{namespace}/{}", metadata.name),
        kind: "NetworkPolicy",
        tier: Tier::Normal,
        priority: DEFAULT_PRIORITY,
        span: metadata.span.start..metadata.span.end,
        rules,
    })
}

/// Selects nobody, where something was not understood.
pub(crate) fn nothing() -> Selector {
    Selector {
        expr: SelectorExpr::Entity(Entity::None),
        text: Entity::None.name().to_owned(),
    }
}

fn rules_of<'a>(
    field: Option<Field<'a>>,
    direction: Direction,
    report: &mut Report,
) -> Option<&'a [Node]> {
    list(field?.value, &format!("`{}`", direction.name()), report)
}

/// The directions that `policyTypes` names. An empty list is as none.
fn types(field: Field<'_>, default: Types, report: &mut Report) -> Types {
    let Some(items) = list(field.value, "`policyTypes`", report) else {
        return default;
    };
    if items.is_empty() {
        return default;
    }
    let mut types = Types {
        ingress: false,
        egress: false,
        key: Some(field.key),
    };
    if items.len() > 2 {
        report.invalid(
            "`policyTypes` has more than two items",
            field.key,
            "expected `Ingress`, `Egress` or both",
        );
    }
    for item in items {
        match text(item, "an item of `policyTypes`", report) {
            Some("Ingress") => types.ingress = true,
            Some("Egress") => types.egress = true,
            Some(other) => {
                let known = ["Ingress", "Egress"];
                one_of(other, item.span, "policy type", &known, report);
                (types.ingress, types.egress) = (true, true);
            }
            // Whatever was meant: the policy isolates in both directions.
            None => (types.ingress, types.egress) = (true, true),
        }
    }
    types
}

fn no_effect(field: Field<'_>, types: &Types, direction: Direction, report: &mut Report) {
    let (name, word) = match direction {
        Direction::Ingress => ("ingress", "Ingress"),
        Direction::Egress => ("egress", "Egress"),
    };
    report.add(
        Code::NoEffect,
        format!("`{name}` has no effect"),
        field.key,
        "changes nothing",
        |report, mut one| {
            if let Some(key) = types.key {
                one = one.with_label(report.place(key), format!("`{word}` is not among these"));
            }
            one.with_help(format!(
                "add `{word}` to `policyTypes`, or leave out `{name}`"
            ))
        },
    );
}

/// What one item of `ingress` or `egress` allows: a rule for each peer. None where it was not
/// understood.
fn rule(node: &Node, direction: Direction, namespace: &str, report: &mut Report) -> Vec<Rule> {
    let (what, peers_name) = match direction {
        Direction::Ingress => ("an item of `ingress`", "from"),
        Direction::Egress => ("an item of `egress`", "to"),
    };
    let Some(fields) = Fields::of(node, what, &[peers_name, "ports"], report) else {
        return Vec::new();
    };
    let l4 = match fields.get("ports") {
        Some(field) => ports::read(field.value, report),
        None => Some(L4Match::Any),
    };
    let items = match fields.get(peers_name) {
        Some(field) => match list(field.value, &format!("`{peers_name}`"), report) {
            Some(items) => items,
            None => return Vec::new(),
        },
        None => &[],
    };
    let rule = |peer: Selector, span: Span| {
        Some(Rule {
            direction,
            peer,
            l4: l4.clone()?,
            action: Action::Allow,
            l7: None,
            span: span.start..span.end,
        })
    };
    if items.is_empty() {
        let everyone = Selector {
            expr: SelectorExpr::ALL,
            text: Entity::All.name().to_owned(),
        };
        return rule(everyone, node.span).into_iter().collect();
    }
    let peers = items.iter().filter_map(|item| {
        let peer = peers::read(item, peers_name, namespace, report)?;
        rule(peer, item.span)
    });
    peers.collect()
}

/// Everything of a list must hold, of endpoints.
pub(crate) fn all_of(conditions: impl IntoIterator<Item = SelectorExpr>) -> SelectorExpr {
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    sets::intersection(std::iter::once(endpoints).chain(conditions))
}
