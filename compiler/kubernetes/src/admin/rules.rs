//! Items of `ingress` and `egress`.

use polc_diagnostics::Code;
use polc_model::{Action, Direction, L4Match};

use super::{Form, Limits, items, peers, ports, protocols};
use crate::{
    Rule,
    labels::one_of,
    located::Node,
    reader::{Field, Fields, text},
    report::Report,
};

/// The longest name of a rule.
const MAX_NAME: usize = 100;

/// An item: rules with one action.
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) rules: Vec<Rule>,
}

/// What a rule matches above L3.
pub(super) struct L4 {
    pub(super) matches: L4Match,
    /// The name of the first port that is said by name, and its field.
    pub(super) named: Option<(String, crate::located::Span)>,
}

/// Reads the rules of a direction. What was not understood is left out: an error says so.
pub(super) fn read(
    field: Field<'_>,
    form: Form,
    direction: Direction,
    report: &mut Report,
) -> Vec<Entry> {
    let limits = Limits {
        least: 0,
        most: form.most(),
    };
    let items = items(field, direction.name(), limits, report);
    let items = items.unwrap_or_default().iter();
    items
        .flat_map(|item| rule(item, form, direction, report))
        .collect()
}

fn rule(node: &Node, form: Form, direction: Direction, report: &mut Report) -> Vec<Entry> {
    let peers_name = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let what = format!("an item of `{}`", direction.name());
    let known = ["name", "action", peers_name, form.l4_field()];
    let Some(fields) = Fields::of(node, &what, &known, report) else {
        return Vec::new();
    };
    if let Some(field) = fields.get("name") {
        check_name(field, report);
    }
    let action = fields.required("action", &what, report);
    let action = action.and_then(|field| action_of(field, form, report));
    let l4 = match fields.get(form.l4_field()) {
        Some(field) if form == Form::Cluster => protocols::read(field, form, report),
        Some(field) => ports::read(field, form, report),
        None => Some(L4 {
            matches: L4Match::Any,
            named: None,
        }),
    };
    let Some(peers) = fields.required(peers_name, &what, report) else {
        return Vec::new();
    };
    let limits = Limits {
        least: 1,
        most: form.most(),
    };
    let Some(peers) = items(peers, peers_name, limits, report) else {
        return Vec::new();
    };
    let known = match direction {
        Direction::Ingress => &["namespaces", "pods"],
        Direction::Egress => form.peers(),
    };
    // Every peer is read, so that every mistake is reported.
    let asked = action.unwrap_or(Action::Allow);
    let mut rules = Vec::new();
    for item in peers {
        let Some(peer) = peers::read(item, peers_name, known, asked, form, report) else {
            continue;
        };
        let Some(l4) = &l4 else { continue };
        if check_named(l4, peer.kind, item, report) {
            rules.push(Rule {
                direction,
                action: asked,
                peer: peer.selector,
                l4: l4.matches.clone(),
                l7: None,
                span: item.span.start..item.span.end,
            });
        }
    }
    match action {
        Some(action) if !rules.is_empty() => vec![Entry { action, rules }],
        _ => Vec::new(),
    }
}

fn check_name(field: Field<'_>, report: &mut Report) {
    let Some(name) = text(field.value, "`name`", report) else {
        return;
    };
    let length = name.chars().count();
    if length > MAX_NAME {
        report.invalid(
            format!("the name of a rule has {length} characters"),
            field.value.span,
            format!("expected at most {MAX_NAME}"),
        );
    }
}

fn action_of(field: Field<'_>, form: Form, report: &mut Report) -> Option<Action> {
    let word = text(field.value, "`action`", report)?;
    let actions = form.actions();
    if let Some((_, action)) = actions.iter().find(|(known, _)| *known == word) {
        return Some(*action);
    }
    let known: Vec<&str> = actions.iter().map(|(known, _)| *known).collect();
    one_of(word, field.value.span, "action", &known, report);
    None
}

/// Only pods have names for ports.
fn check_named(l4: &L4, kind: &str, node: &Node, report: &mut Report) -> bool {
    let Some((name, span)) = &l4.named else {
        return true;
    };
    if matches!(kind, "namespaces" | "pods") {
        return true;
    }
    report.add(
        Code::ExclusiveFields,
        format!("`{kind}` have no port named `{name}`"),
        *span,
        "only pods have names for ports",
        |report, one| {
            one.with_label(report.place(node.span), format!("{kind} here"))
                .with_help("write the number, or make two rules of it")
        },
    );
    false
}
