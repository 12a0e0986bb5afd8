//! Whom an item is about: `fromEndpoints`, `toCIDR` and the like.

use polc_diagnostics::Code;
use polc_model::{Direction, SelectorExpr};

use super::{
    Scope, cidr, endpoints, entities, fqdn, nodes, section::Section, services, unsupported,
};
use crate::{
    located::{Node, Span},
    reader::{Field, Fields, list},
    report::Report,
};

/// A peer, and where it is.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) expr: SelectorExpr,
    pub(super) span: Span,
}

/// A field with peers.
pub(super) struct Member {
    pub(super) name: &'static str,
    kind: MemberKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MemberKind {
    Endpoints,
    Entities,
    Cidr,
    CidrSet,
    Nodes,
    Fqdns,
    Services,
    Groups,
    /// Narrows the peers of the others.
    Requires,
}

/// The fields that items of a section have.
pub(super) fn members(section: &Section) -> Vec<Member> {
    use MemberKind::{
        Cidr, CidrSet, Endpoints, Entities, Fqdns, Groups, Nodes, Requires, Services,
    };
    let of = |list: &[(&'static str, MemberKind)]| {
        let members = list.iter();
        members
            .map(|&(name, kind)| Member { name, kind })
            .collect::<Vec<_>>()
    };
    let mut members = match section.direction {
        Direction::Ingress => of(&[
            ("fromEndpoints", Endpoints),
            ("fromEntities", Entities),
            ("fromCIDR", Cidr),
            ("fromCIDRSet", CidrSet),
            ("fromNodes", Nodes),
            ("fromGroups", Groups),
            ("fromRequires", Requires),
        ]),
        Direction::Egress => of(&[
            ("toEndpoints", Endpoints),
            ("toEntities", Entities),
            ("toCIDR", Cidr),
            ("toCIDRSet", CidrSet),
            ("toNodes", Nodes),
            ("toServices", Services),
            ("toGroups", Groups),
            ("toRequires", Requires),
        ]),
    };
    if section.direction == Direction::Egress && !section.denies() {
        members.extend(of(&[("toFQDNs", Fqdns)]));
    }
    members
}

/// Reads the peers of an item: `None` where it has no field with peers, and `None` for each that was
/// not understood. Without any, the item is about nobody.
pub(super) fn read(
    fields: &Fields<'_>,
    members: &[Member],
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<Vec<Option<Peer>>> {
    let mut found: Option<Vec<Option<Peer>>> = None;
    let mut first: Option<(&str, Field<'_>)> = None;
    let mut is_about_nobody = false;
    let mut is_narrowed = false;
    for member in members {
        let Some(field) = fields.get(member.name) else {
            continue;
        };
        let what = format!("`{}`", member.name);
        let Some(items) = list(field.value, &what, report) else {
            found.get_or_insert_default().push(None);
            continue;
        };
        if member.kind == MemberKind::Requires {
            if !items.is_empty() {
                unsupported(&what, field.key, report);
                is_narrowed = true;
            }
            continue;
        }
        is_about_nobody |= items.is_empty();
        let peers = found.get_or_insert_default();
        if items.is_empty() {
            continue;
        }
        match first {
            Some(first) => several(first, (member.name, field), report),
            None => first = Some((member.name, field)),
        }
        if member.kind == MemberKind::Groups {
            unsupported(&what, field.key, report);
            peers.push(None);
            continue;
        }
        let item_of = format!("an item of {what}");
        for item in items {
            let expr = peer(member.kind, item, &item_of, section, scope, report);
            let span = item.span;
            peers.push(expr.map(|expr| Peer { expr, span }));
        }
    }
    if is_narrowed {
        return Some(vec![None]);
    }
    match is_about_nobody {
        true => Some(Vec::new()),
        false => found,
    }
}

fn peer(
    kind: MemberKind,
    item: &Node,
    what: &str,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    match kind {
        MemberKind::Endpoints => endpoints::peer(item, what, scope, report),
        MemberKind::Entities => entities::read(item, what, report),
        MemberKind::Cidr => cidr::block(item, what, report),
        MemberKind::CidrSet => cidr::set(item, what, section, scope, report),
        MemberKind::Nodes => nodes::peer(item, what, report),
        MemberKind::Fqdns => fqdn::peer(item, what, report),
        MemberKind::Services => services::read(item, what, section, scope, report),
        MemberKind::Groups | MemberKind::Requires => None,
    }
}

/// Reports two kinds of peers in one item.
fn several(first: (&str, Field<'_>), second: (&str, Field<'_>), report: &mut Report) {
    let ((first_name, first), (second_name, second)) = (first, second);
    report.add(
        Code::ExclusiveFields,
        format!("`{first_name}` and `{second_name}` do not stand in one item"),
        second.key,
        "some peers here",
        |report, one| {
            one.with_label(report.place(first.key), "and others here")
                .with_help("make them two items")
        },
    );
}
