//! `toPorts`: ports, and what is looked at beyond them.

mod l7;
mod port;

use polc_model::{L4Match, L4Term, L7Match, PortProtocol};

use super::{section::Section, unsupported};
use crate::{
    located::Node,
    reader::{Fields, list, missing},
    report::Report,
};

/// The most items of `ports`.
const MAX_PORTS: usize = 40;

/// On what something is decided.
#[derive(Clone)]
pub(super) struct On {
    pub(super) l4: L4Match,
    pub(super) l7: Option<L7Match>,
}

/// Reads `toPorts`: what each of its items is about, if that was understood. `None` where it has none.
pub(super) fn read(node: &Node, section: &Section, report: &mut Report) -> Option<Vec<Option<On>>> {
    let items = list(node, "`toPorts`", report).unwrap_or_default();
    let read = items.iter().map(|item| read_item(item, section, report));
    (!items.is_empty()).then(|| read.collect())
}

fn read_item(node: &Node, section: &Section, report: &mut Report) -> Option<On> {
    let what = "an item of `toPorts`";
    let known: &[&str] = match section.denies() {
        true => &["ports"],
        false => &[
            "ports",
            "rules",
            "serverNames",
            "listener",
            "terminatingTLS",
            "originatingTLS",
        ],
    };
    let fields = Fields::of(node, what, known, report)?;
    let mut is_supported = true;
    for name in ["listener", "terminatingTLS", "originatingTLS"] {
        if let Some(field) = fields.get(name) {
            unsupported(&format!("`{name}`"), field.key, report);
            is_supported = false;
        }
    }
    let l4 = ports(&fields, what, report);
    let l7 = l7::read(&fields, l4.as_ref(), section, report);
    let (mut l4, l7) = (l4?, l7?);
    if let (L4Match::Of(terms), Some(L7Match::Dns(_))) = (&mut l4, &l7) {
        terms.retain(|term| !is_sctp(term));
    }
    is_supported.then_some(On { l4, l7 })
}

fn ports(fields: &Fields<'_>, what: &str, report: &mut Report) -> Option<L4Match> {
    let field = fields.get("ports");
    let items = match field {
        Some(field) => list(field.value, "`ports`", report)?,
        None => &[],
    };
    let Some(field) = field.filter(|_| !items.is_empty()) else {
        missing(&format!("{what} needs `ports`"), fields.span, report);
        return None;
    };
    if items.len() > MAX_PORTS {
        report.invalid(
            format!("`ports` has more than {MAX_PORTS} items"),
            field.key,
            "expected fewer",
        );
        return None;
    }
    let read: Vec<Option<L4Match>> = items.iter().map(|item| port::read(item, report)).collect();
    let mut terms = Vec::new();
    for one in read.into_iter().collect::<Option<Vec<L4Match>>>()? {
        match one {
            L4Match::Any => return Some(L4Match::Any),
            L4Match::Of(more) => terms.extend(more),
        }
    }
    terms.sort();
    terms.dedup();
    Some(L4Match::Of(terms))
}

/// Whether ports of SCTP are meant: they come with `ANY`, and nobody asks for names there.
const fn is_sctp(term: &L4Term) -> bool {
    matches!(
        term,
        L4Term::Ports {
            protocol: PortProtocol::Sctp,
            ..
        } | L4Term::NamedPort {
            protocol: PortProtocol::Sctp,
            ..
        }
    )
}
