//! A rule: whom it applies to, and what it allows and denies them. Here it is a policy.

use polc_diagnostics::{Code, Severity};
use polc_model::{Action, DEFAULT_PRIORITY, Direction, Entity, Selector, SelectorExpr, Tier};

use super::{
    Scope,
    default_deny::{self, DefaultDeny},
    endpoints, nodes,
    section::{self, SECTIONS},
};
use crate::{
    Policy, describe,
    located::Node,
    reader::{Field, Fields, list, missing, text},
    report::Report,
};

const KNOWN: [&str; 10] = [
    "endpointSelector",
    "nodeSelector",
    "ingress",
    "ingressDeny",
    "egress",
    "egressDeny",
    "enableDefaultDeny",
    "labels",
    "description",
    "log",
];

/// Reads a rule; its name is left empty. `None` where it is no rule at all, or for nobody that polc
/// manages.
pub(super) fn read(node: &Node, scope: Scope<'_>, report: &mut Report) -> Option<Policy> {
    let fields = Fields::of(node, "a rule", &KNOWN, report)?;
    let understood = subject(&fields, scope, report);
    let is_of_nodes = fields.get("nodeSelector").is_some();
    let is_of_others = !is_of_nodes && understood.as_ref().is_some_and(is_of_others);
    let doc = remarks(&fields, report);
    let default_deny = match fields.get("enableDefaultDeny") {
        Some(field) => default_deny::read(field.value, report),
        None => DefaultDeny::default(),
    };
    let names = SECTIONS.map(|section| section.name);
    let says_something = names.iter().any(|name| fields.get(name).is_some());
    let is_misspelt = fields.all().any(|(name, ..)| !KNOWN.contains(&name));
    if !says_something && !is_misspelt && fields.get("enableDefaultDeny").is_none() {
        let headline = "a rule needs `ingress`, `ingressDeny`, `egress` or `egressDeny`";
        missing(headline, node.span, report);
    }
    let mut rules = Vec::new();
    let mut has_items = [false; 2];
    for section in &SECTIONS {
        let Some(field) = fields.get(section.name) else {
            continue;
        };
        let items = list(field.value, &format!("`{}`", section.name), report);
        let items = items.unwrap_or_default();
        let [has_ingress, has_egress] = &mut has_items;
        match section.direction {
            Direction::Ingress => *has_ingress |= !items.is_empty(),
            Direction::Egress => *has_egress |= !items.is_empty(),
        }
        for item in items {
            let mut of_item = section::item(item, section, scope, report);
            if is_of_nodes && of_item.iter().any(|rule| rule.l7.is_some()) {
                report.invalid(
                    "a rule for nodes does not look into requests",
                    item.span,
                    "has `rules`, and the rule has `nodeSelector`",
                );
                of_item.clear();
            }
            rules.append(&mut of_item);
        }
    }
    if is_of_others {
        return None;
    }
    let [has_ingress, has_egress] = has_items;
    // Where it was not understood to whom the rule applies, it takes from everyone and gives nobody.
    let subject = understood.unwrap_or_else(|| {
        rules.retain(|rule| rule.action == Action::Deny);
        everyone(is_of_nodes, scope)
    });
    Some(Policy {
        doc,
        name: String::new(),
        kind: scope.kind.name(),
        tier: Tier::Normal,
        priority: DEFAULT_PRIORITY,
        subject: Selector {
            text: describe::selector(&subject),
            expr: subject,
        },
        ingress: default_deny.isolation(Direction::Ingress, has_ingress),
        egress: default_deny.isolation(Direction::Egress, has_egress),
        span: node.span.start..node.span.end,
        rules,
    })
}

/// Everyone that a rule can apply to.
fn everyone(is_of_nodes: bool, scope: Scope<'_>) -> SelectorExpr {
    match scope.namespace {
        _ if is_of_nodes => SelectorExpr::Entity(Entity::Host),
        Some(name) => SelectorExpr::Namespace(name.to_owned()),
        None => SelectorExpr::Entity(Entity::Endpoints),
    }
}

/// Whom the rule applies to. `None` where that was not understood.
fn subject(fields: &Fields<'_>, scope: Scope<'_>, report: &mut Report) -> Option<SelectorExpr> {
    let (endpoints, nodes) = (fields.get("endpointSelector"), fields.get("nodeSelector"));
    match (endpoints, nodes) {
        (Some(endpoints), Some(nodes)) => {
            report.add(
                Code::ExclusiveFields,
                "a rule is for endpoints or for nodes",
                nodes.key,
                "nodes here",
                |report, one| {
                    one.with_label(report.place(endpoints.key), "and endpoints here")
                        .with_help("make them two rules of `specs`")
                },
            );
            None
        }
        (Some(field), None) => {
            let subject = endpoints::subject(field.value, "`endpointSelector`", scope, report);
            if let Some(subject) = &subject {
                warn_of_others(subject, field, report);
            }
            subject
        }
        (None, Some(field)) => of_nodes(field, scope, report),
        (None, None) => {
            let expected = match scope.namespace {
                Some(_) => "`endpointSelector`",
                None => "`endpointSelector` or `nodeSelector`",
            };
            missing(&format!("a rule needs {expected}"), fields.span, report);
            None
        }
    }
}

fn of_nodes(field: Field<'_>, scope: Scope<'_>, report: &mut Report) -> Option<SelectorExpr> {
    if scope.namespace.is_some() {
        report.add(
            Code::InvalidValue,
            "a CiliumNetworkPolicy has no `nodeSelector`",
            field.key,
            "nodes have no namespace",
            |_, one| one.with_help("make it a `CiliumClusterwideNetworkPolicy`"),
        );
        return None;
    }
    nodes::subject(field.value, "`nodeSelector`", report)
}

/// Whether endpoints are asked for that are none to polc. To the node, only `nodeSelector` leads.
const fn is_of_others(subject: &SelectorExpr) -> bool {
    matches!(subject, SelectorExpr::Entity(entity)
        if !matches!(entity, Entity::Endpoints | Entity::Init))
}

/// Warns of a rule for what polc does not manage.
fn warn_of_others(subject: &SelectorExpr, field: Field<'_>, report: &mut Report) {
    if !is_of_others(subject) {
        return;
    }
    report.add(
        Code::NoEffect,
        "this rule applies to no endpoint of polc",
        field.value.span,
        format!("`{}` is none", describe::selector(subject)),
        |_, mut one| {
            one.severity = Severity::Warning;
            one
        },
    );
}

/// Checks what does not change the meaning. What the rule says about itself.
fn remarks(fields: &Fields<'_>, report: &mut Report) -> Option<String> {
    let description = fields.get("description");
    let description = description.and_then(|field| text(field.value, "`description`", report));
    if let Some(field) = fields.get("log")
        && let Some(log) = Fields::of(field.value, "`log`", &["value"], report)
        && let Some(value) = log.get("value")
    {
        text(value.value, "`value`", report);
    }
    let labels = fields.get("labels");
    let labels = labels.and_then(|field| list(field.value, "`labels`", report));
    for label in labels.unwrap_or_default() {
        let what = "an item of `labels`";
        let known = ["key", "value", "source", "cidr"];
        if let Some(label) = Fields::of(label, what, &known, report) {
            label.required("key", what, report);
        }
    }
    let description = description.map(str::trim).filter(|text| !text.is_empty());
    description.map(str::to_owned)
}
