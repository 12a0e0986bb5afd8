//! Items of `ingress`, `ingressDeny`, `egress` and `egressDeny`.

use polc_diagnostics::Code;
use polc_model::{Action, Direction, L4Match, Selector, SelectorExpr};

use super::{
    Scope, icmp,
    peers::{self, Peer},
    to_ports::{self, On},
    unsupported,
};
use crate::{
    Rule, describe,
    located::Node,
    reader::{Fields, text},
    report::Report,
};

/// A list of items that all allow, or all deny, in one direction.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) direction: Direction,
    pub(super) action: Action,
}

pub(super) const SECTIONS: [Section; 4] = [
    Section {
        name: "ingress",
        direction: Direction::Ingress,
        action: Action::Allow,
    },
    Section {
        name: "ingressDeny",
        direction: Direction::Ingress,
        action: Action::Deny,
    },
    Section {
        name: "egress",
        direction: Direction::Egress,
        action: Action::Allow,
    },
    Section {
        name: "egressDeny",
        direction: Direction::Egress,
        action: Action::Deny,
    },
];

impl Section {
    pub(super) const fn denies(&self) -> bool {
        matches!(self.action, Action::Deny)
    }

    /// The fields of an item besides its peers.
    fn others(&self) -> &'static [&'static str] {
        match self.action {
            Action::Allow => &["toPorts", "icmps", "authentication"],
            Action::Deny | Action::Reject | Action::Pass => &["toPorts", "icmps"],
        }
    }
}

/// What an item decides: a rule for each peer and each item of `toPorts`. An item that names neither
/// decides nothing.
pub(super) fn item(
    node: &Node,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Vec<Rule> {
    let what = format!("an item of `{}`", section.name);
    let members = peers::members(section);
    let known: Vec<&str> = members
        .iter()
        .map(|member| member.name)
        .chain(section.others().iter().copied())
        .collect();
    let Some(fields) = Fields::of(node, &what, &known, report) else {
        return Vec::new();
    };
    let peers = peers::read(&fields, &members, section, scope, report);
    let on = on(&fields, section, report);
    if let (Some(services), Some(ports)) = (fields.get("toServices"), fields.get("toPorts"))
        && on.is_some()
    {
        report.add(
            Code::ExclusiveFields,
            "`toServices` stands without `toPorts`",
            services.key,
            "services here",
            |report, one| one.with_label(report.place(ports.key), "and ports here"),
        );
    }
    let is_authenticated = authentication(&fields, report);
    let everyone = || Peer {
        expr: SelectorExpr::ALL,
        span: node.span,
    };
    let peers = match peers {
        Some(peers) => peers,
        None if on.is_none() => return Vec::new(),
        None => vec![Some(everyone())],
    };
    let anything = || On {
        l4: L4Match::Any,
        l7: None,
    };
    let on = on.unwrap_or_else(|| vec![Some(anything())]);
    if is_authenticated {
        return Vec::new();
    }
    let mut rules = Vec::new();
    for peer in peers {
        // What was not understood denies all it could.
        let Some(peer) = peer.or_else(|| section.denies().then(everyone)) else {
            continue;
        };
        let on = on.iter().cloned();
        let on = on.filter_map(|on| on.or_else(|| section.denies().then(anything)));
        rules.extend(on.map(|on| Rule {
            direction: section.direction,
            action: section.action,
            peer: Selector {
                text: describe::selector(&peer.expr),
                expr: peer.expr.clone(),
            },
            l4: on.l4,
            l7: on.l7,
            span: peer.span.start..peer.span.end,
        }));
    }
    rules
}

/// On what an item decides. `None` where it does not say.
fn on(fields: &Fields<'_>, section: &Section, report: &mut Report) -> Option<Vec<Option<On>>> {
    let (ports, icmps) = (fields.get("toPorts"), fields.get("icmps"));
    let of_ports = ports.and_then(|field| to_ports::read(field.value, section, report));
    let of_icmps = icmps.and_then(|field| icmp::read(field.value, report));
    match (of_ports, of_icmps) {
        (Some(of_ports), Some(_)) => {
            if let (Some(ports), Some(icmps)) = (ports, icmps) {
                report.add(
                    Code::ExclusiveFields,
                    "`icmps` stands without `toPorts`",
                    icmps.key,
                    "messages here",
                    |report, one| {
                        one.with_label(report.place(ports.key), "and ports here")
                            .with_help("for both, make them two items")
                    },
                );
            }
            Some(of_ports)
        }
        (of_ports, of_icmps) => of_ports.or(of_icmps),
    }
}

/// Whether an item asks for authentication, which is reported.
fn authentication(fields: &Fields<'_>, report: &mut Report) -> bool {
    let Some(field) = fields.get("authentication") else {
        return false;
    };
    let what = "`authentication`";
    let mode = Fields::of(field.value, what, &["mode"], report);
    let mode = mode.and_then(|fields| fields.required("mode", what, report));
    let mode = mode.and_then(|mode| text(mode.value, "`mode`", report));
    if mode == Some("disabled") {
        return false;
    }
    unsupported("mutual authentication", field.key, report);
    true
}
