//! Tests: their endpoints and their checks.

mod check;
mod given;
mod packet;
mod party;
mod request;

use polc_diagnostics::Code;
use polc_model::{L4Packet, Origin, Party, Request, TestEndpoint};
use polc_syntax::ast::{self, Outcome};

use self::party::Parties;
use super::Scope;
use crate::{origin::Lines, sink::Sink};

/// A test whose policies are named, because ids belong to a whole package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredTest {
    pub(crate) name: String,
    pub(crate) endpoints: Vec<TestEndpoint>,
    pub(crate) names: Vec<String>,
    pub(crate) checks: Vec<LoweredCheck>,
    pub(crate) origin: Origin,
}

/// A check of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredCheck {
    pub(crate) source: Party,
    pub(crate) destination: Party,
    pub(crate) l4: L4Packet,
    pub(crate) request: Option<Request>,
    pub(crate) outcome: Outcome,
    pub(crate) by: Option<String>,
    pub(crate) origin: Origin,
}

pub(crate) fn lower<'a>(
    test: &ast::Test,
    scope: &dyn Scope,
    policies: &dyn Fn() -> &'a [String],
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredTest {
    let mut endpoints: Vec<TestEndpoint> = Vec::new();
    for (index, given) in test.givens.iter().enumerate() {
        let name = &given.name;
        let mut earlier = test.givens.iter().take(index);
        let twin = earlier.find(|other| other.name.text == name.text);
        match twin {
            _ if name.is_missing() => continue,
            _ if name.text == "host" => sink.report(
                Code::ReservedName,
                "`host` already has a meaning",
                name.span,
                "in a test, the node of the endpoint at the other end",
                |_, diagnostic| diagnostic.with_help("give the endpoint another name"),
            ),
            Some(twin) => {
                sink.report(
                    Code::Duplicate,
                    format!("the test defines `{}` twice", name.text),
                    name.span,
                    "defined again here",
                    |sink, diagnostic| {
                        diagnostic.with_label(sink.place(twin.name.span), "first defined here")
                    },
                );
            }
            None => endpoints.push(given::lower(given, scope, lines, sink)),
        }
    }
    let mut parties = Parties::new(&endpoints, test);
    let checks = test
        .checks
        .iter()
        .filter_map(|check| check::lower(check, &mut parties, policies, lines, sink))
        .collect();
    let names = parties.into_names();
    LoweredTest {
        name: test.name.text.clone(),
        checks,
        names,
        origin: lines.origin(test.name.span),
        endpoints,
    }
}
