//! A definition that nothing in the package uses.

use std::collections::BTreeSet;

use polc_diagnostics::{Code, Level, Place};
use polc_syntax::ast::{
    ArgumentValue, HttpExpr, HttpTerm, Item, L4Expr, L4Term, L7Expr, Name, PeerExpr, Policy,
};

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "unused_name",
    code: Code::UnusedName,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let trees: Vec<_> = context.trees().collect();
    let mut used = BTreeSet::new();
    for item in trees.iter().flat_map(|(_, tree)| &tree.items) {
        uses(item, &mut used);
    }
    for (path, tree) in &trees {
        for (word, name) in tree.items.iter().filter_map(defined) {
            if name.is_missing() || name.text.starts_with('_') || used.contains(name.text.as_str())
            {
                continue;
            }
            let place = Place {
                file: (*path).into(),
                range: name.span.start..name.span.end,
            };
            findings.report(
                format!("nothing uses the {word} `{}`", name.text),
                place,
                "defined and never used",
                |diagnostic| diagnostic.with_help("remove it, or begin its name with `_`"),
            );
        }
    }
}

fn defined(item: &Item) -> Option<(&'static str, &Name)> {
    match item {
        Item::Endpoints(item) => Some(("endpoints", &item.name)),
        Item::Cidr(item) => Some(("cidr", &item.name)),
        Item::Dns(item) => Some(("dns", &item.name)),
        Item::Entity(item) => Some(("entity", &item.name)),
        Item::Ports(item) => Some(("ports", &item.name)),
        Item::Http(item) => Some(("http", &item.name)),
        Item::Template(item) => Some(("template", &item.name)),
        _ => None,
    }
}

fn uses<'a>(item: &'a Item, used: &mut BTreeSet<&'a str>) {
    match item {
        Item::Endpoints(item) | Item::Cidr(item) | Item::Dns(item) | Item::Entity(item) => {
            if let Some(value) = &item.value {
                in_peers(value, used);
            }
        }
        Item::Ports(item) => {
            if let Some(value) = &item.value {
                in_l4(value, used);
            }
        }
        Item::Http(item) => {
            if let Some(value) = &item.value {
                in_http(value, used);
            }
        }
        Item::Service(service) => {
            service
                .backends
                .iter()
                .for_each(|peers| in_peers(peers, used));
        }
        Item::Assertion(assertion) => {
            let ends = [&assertion.sources, &assertion.destinations];
            ends.into_iter()
                .flatten()
                .for_each(|peers| in_peers(peers, used));
            if let Some(l4) = &assertion.l4 {
                in_l4(l4, used);
            }
        }
        // What a template defines for itself may have the name of something else: then one of them
        // is not found.
        Item::Template(template) => template.items.iter().for_each(|item| uses(item, used)),
        Item::Apply(apply) => {
            used.insert(&apply.name.text);
            for argument in &apply.arguments {
                match &argument.value {
                    ArgumentValue::Peers(peers) => in_peers(peers, used),
                    ArgumentValue::Ports(l4) => in_l4(l4, used),
                    ArgumentValue::Http(http) => in_http(http, used),
                    ArgumentValue::Number(_) | ArgumentValue::Missing => {}
                }
            }
        }
        Item::Policy(policy) => in_policy(policy, used),
        _ => {}
    }
}

fn in_policy<'a>(policy: &'a Policy, used: &mut BTreeSet<&'a str>) {
    if let Some(subject) = &policy.subject {
        in_peers(subject, used);
    }
    for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
        if let Some(peers) = &rule.peers {
            in_peers(peers, used);
        }
        if let Some(l4) = &rule.l4 {
            in_l4(l4, used);
        }
        if let Some(L7Expr::Only {
            requests: Some(requests),
            ..
        }) = &rule.l7
        {
            in_http(requests, used);
        }
    }
}

fn in_peers<'a>(expr: &'a PeerExpr, used: &mut BTreeSet<&'a str>) {
    match expr {
        PeerExpr::Name(name) => {
            used.insert(&name.text);
        }
        PeerExpr::In { base, .. } => in_peers(base, used),
        PeerExpr::Union { parts, .. } => parts.iter().for_each(|part| in_peers(part, used)),
        PeerExpr::Chain { first, rest, .. } => {
            in_peers(first, used);
            rest.iter().for_each(|(_, part)| in_peers(part, used));
        }
        _ => {}
    }
}

fn in_http<'a>(expr: &'a HttpExpr, used: &mut BTreeSet<&'a str>) {
    for term in &expr.terms {
        if let HttpTerm::Name(name) = term {
            used.insert(&name.text);
        }
    }
}

fn in_l4<'a>(expr: &'a L4Expr, used: &mut BTreeSet<&'a str>) {
    for term in &expr.terms {
        if let L4Term::Name(name) = term {
            used.insert(&name.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn definitions_that_nothing_needs_are_found() {
        let source = "endpoints web = { app: \"web\" }
cidr office = 10.8.0.0/16
cidr everyone = office | 10.9.0.0/16
ports api = tcp 80
ports _later = tcp 81
policy web for web { ingress { allow from office on api } }
";
        assert_eq!(
            findings(&LINT, source),
            ["3: nothing uses the cidr `everyone`"]
        );
    }
}
