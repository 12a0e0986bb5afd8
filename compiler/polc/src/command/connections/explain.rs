//! Who decides about a connection.

use polc_connections::{Connection, Connections, Reason};
use polc_model::{Decider, Model, Origin, Verdict};

use crate::package::LoadedPackage;

/// Says who decides about connections.
pub(super) struct Deciders<'a> {
    package: &'a LoadedPackage,
    connections: &'a Connections<'a>,
}

/// A part of what an end decides, in words.
pub(super) struct Decided {
    pub(super) direction: &'static str,
    pub(super) verdict: &'static str,
    pub(super) keys: String,
    /// A policy and what of it, or that there is none.
    pub(super) by: String,
    /// `file:line:column`, where a policy decides.
    pub(super) place: Option<String>,
}

impl<'a> Deciders<'a> {
    pub(super) fn of(package: &'a LoadedPackage, connections: &'a Connections<'a>) -> Self {
        Self {
            package,
            connections,
        }
    }

    /// What both ends decide, egress first.
    pub(super) fn decided(&self, connection: &Connection) -> Vec<Decided> {
        let reasons = self
            .connections
            .reasons(connection.source, connection.destination);
        let mut decided = Vec::new();
        for Reason { direction, pieces } in reasons {
            for piece in pieces {
                let (by, origin) = self.decider(piece.decision.decider);
                decided.push(Decided {
                    direction: direction.name(),
                    verdict: match piece.decision.verdict {
                        Verdict::Allow => "allow",
                        Verdict::Deny => "deny",
                    },
                    keys: piece.keys.to_string(),
                    by,
                    place: origin.map(|origin| self.place(origin)),
                });
            }
        }
        decided
    }

    fn decider(&self, decider: Decider) -> (String, Option<&'a Origin>) {
        let model: &'a Model = &self.package.analysis.model;
        let name = |policy| model.policy(policy).map(|policy| policy.name.as_str());
        match decider {
            Decider::Rule(id) => {
                let rule = model.rule(id);
                let policy = rule.and_then(|rule| name(rule.policy)).unwrap_or_default();
                (
                    format!("a rule of `{policy}`"),
                    rule.map(|rule| &rule.origin),
                )
            }
            Decider::Isolation(id) => {
                let policy = name(id).unwrap_or_default();
                let origin = model.policy(id).map(|policy| &policy.origin);
                (format!("`{policy}` isolates"), origin)
            }
            Decider::NoPolicy => ("no policy".to_owned(), None),
            Decider::Init => ("labels that are not known yet".to_owned(), None),
            Decider::Itself => ("it is the same endpoint".to_owned(), None),
            Decider::OwnNode => ("its own node".to_owned(), None),
        }
    }

    fn place(&self, origin: &Origin) -> String {
        let place = self.package.place_of(origin);
        let (line, column) = self.package.position(&place);
        let file = self.package.display_path(&place.file);
        format!("{file}:{line}:{column}")
    }
}

impl Decided {
    /// `egress allow TCP 80: a rule of `shop/web`, a.yaml:7:5`
    pub(super) fn line(&self) -> String {
        let Self {
            direction,
            verdict,
            keys,
            by,
            place,
        } = self;
        let place = place.as_ref().map(|place| format!(", {place}"));
        format!(
            "{direction} {verdict} {keys}: {by}{}",
            place.unwrap_or_default()
        )
    }
}
