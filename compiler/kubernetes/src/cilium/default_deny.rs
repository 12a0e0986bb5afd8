//! `enableDefaultDeny`: whether a rule isolates.

use polc_model::{Direction, Isolation};

use crate::{
    located::Node,
    reader::{Fields, truth},
    report::Report,
};

/// What `enableDefaultDeny` says about each direction, if anything.
#[derive(Clone, Copy, Default)]
pub(super) struct DefaultDeny {
    ingress: Option<bool>,
    egress: Option<bool>,
}

pub(super) fn read(node: &Node, report: &mut Report) -> DefaultDeny {
    let known = ["ingress", "egress"];
    let Some(fields) = Fields::of(node, "`enableDefaultDeny`", &known, report) else {
        return DefaultDeny::default();
    };
    let mut of = |name: &str| {
        let field = fields.get(name)?;
        // Whatever was meant: the rule isolates.
        Some(truth(field.value, &format!("`{name}`"), report).unwrap_or(true))
    };
    DefaultDeny {
        ingress: of("ingress"),
        egress: of("egress"),
    }
}

impl DefaultDeny {
    /// What a rule does in a direction: without a word about it, it isolates where it has items.
    pub(super) const fn isolation(
        self,
        direction: Direction,
        has_items: bool,
    ) -> Option<Isolation> {
        let said = match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        };
        match (said, has_items) {
            (Some(true), _) | (None, true) => Some(Isolation::Isolates),
            (Some(false), true) => Some(Isolation::DefaultAllow),
            (Some(false) | None, false) => None,
        }
    }
}
