//! The parties of checks.

use std::net::IpAddr;

use polc_diagnostics::{Code, suggest};
use polc_model::{Entity, Party, TestEndpoint};
use polc_syntax::ast::{self, Name};

use crate::{
    lower::{address, dns},
    sink::Sink,
};

/// Who the checks of a test may name.
pub(super) struct Parties<'a> {
    endpoints: &'a [TestEndpoint],
    test: &'a ast::Test,
    /// The DNS names that checks have named so far.
    names: Vec<String>,
}

impl<'a> Parties<'a> {
    pub(super) const fn new(endpoints: &'a [TestEndpoint], test: &'a ast::Test) -> Self {
        Self {
            endpoints,
            test,
            names: Vec::new(),
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    pub(super) fn resolve(&mut self, party: &ast::Party, sink: &mut Sink) -> Option<Party> {
        let name = match party {
            ast::Party::Address(text) => {
                return address::address(text, sink).map(Party::Address);
            }
            ast::Party::Dns(text) => {
                let name = dns::name(text, sink)?;
                let known = self.names.iter().position(|known| *known == name);
                return Some(Party::Name(known.unwrap_or_else(|| {
                    self.names.push(name);
                    self.names.len() - 1
                })));
            }
            ast::Party::Name(name) => name,
        };
        if let Some(index) = self.position(name) {
            return Some(Party::Endpoint(index));
        }
        if name.text == Entity::Host.name() {
            return Some(Party::Host);
        }
        let entities = Party::ENTITIES.into_iter();
        if let Some(entity) = entities.clone().find(|entity| entity.name() == name.text) {
            return Some(Party::Entity(entity));
        }
        let known = self.endpoints.iter().map(|endpoint| endpoint.name.as_str());
        let words = entities
            .chain([Entity::Host])
            .map(|entity| -> &str { entity.name() });
        let meant = suggest::closest(&name.text, known.chain(words));
        sink.report(
            Code::UnknownParty,
            format!("the test has no endpoint `{}`", name.text),
            name.span,
            "not defined by a `given` of this test",
            |sink, mut diagnostic| {
                let Some(meant) = meant else {
                    return diagnostic.with_help(format!(
                        "define it: `given {} = endpoint {{ app: \"…\" }}`",
                        name.text
                    ));
                };
                let mut givens = self.test.givens.iter();
                if let Some(given) = givens.find(|given| given.name.text == meant) {
                    let place = sink.place(given.name.span);
                    diagnostic = diagnostic.with_label(place, format!("`{meant}` is defined here"));
                }
                diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant)
            },
        );
        None
    }

    fn position(&self, name: &Name) -> Option<usize> {
        self.endpoints
            .iter()
            .position(|endpoint| endpoint.name == name.text)
    }

    /// The addresses that a party is known to have.
    pub(super) fn addresses(&self, party: Party) -> Vec<IpAddr> {
        match party {
            Party::Address(address) => vec![address],
            Party::Endpoint(index) => self
                .endpoints
                .get(index)
                .map(|endpoint| endpoint.addresses.clone())
                .unwrap_or_default(),
            Party::Name(_) | Party::Host | Party::Entity(_) => Vec::new(),
        }
    }
}
