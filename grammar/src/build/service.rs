//! Services.

use pest::iterators::Pair;

use super::{Builder, Rule, child, declared, name, policy::without_rest, span};
use crate::{
    Span,
    ast::{Affinity, Completeness, External, Name, Service, ServicePort},
};

const SERVICE_WORDS: [&str; 6] = [
    "address", "port", "backends", "balance", "affinity", "external",
];

impl Builder<'_> {
    pub(super) fn service(&mut self, pair: &Pair<'_, Rule>) -> Service {
        let before = self.errors.len();
        self.report(pair);
        let mut service = Service {
            name: declared(pair),
            addresses: Vec::new(),
            ports: Vec::new(),
            backends: Vec::new(),
            balances: Vec::new(),
            affinities: Vec::new(),
            externals: Vec::new(),
            doc: self.doc(span(pair)),
            head: Span::default(),
            completeness: Completeness::Whole,
        };
        service.head = Span {
            start: span(pair).start,
            end: service.name.span.end.max(span(pair).start),
        };
        if let Some(block) = child(pair, Rule::service_block) {
            self.block(&block, |builder, statement| {
                builder.service_statement(&statement, &mut service);
            });
        }
        if self.errors.len() > before {
            service.completeness = Completeness::Broken;
        }
        service
    }

    fn service_statement(&mut self, statement: &Pair<'_, Rule>, service: &mut Service) {
        if statement.as_rule() == Rule::bad_statement {
            self.bad_statement(statement, "a setting of the service", &SERVICE_WORDS);
            return;
        }
        self.report(statement);
        let word = |rule| word(statement, rule);
        match statement.as_rule() {
            Rule::service_address => {
                let inner = statement.clone().into_inner();
                let addresses = inner.filter(|inner| inner.as_rule() == Rule::address);
                service
                    .addresses
                    .extend(addresses.map(|address| name(&address)));
            }
            Rule::service_port => service.ports.push(port(statement)),
            Rule::service_backends => {
                let peers = child(statement, Rule::peers);
                service
                    .backends
                    .extend(peers.map(|peers| self.peers(&peers)));
            }
            Rule::service_balance => service.balances.extend(word(Rule::ident)),
            Rule::service_affinity => {
                service
                    .affinities
                    .extend(word(Rule::ident).map(|by| Affinity {
                        by,
                        duration: word(Rule::duration),
                        span: without_rest(statement),
                    }));
            }
            Rule::service_external => {
                let part =
                    |rule, inner| child(statement, rule).and_then(|part| self::word(&part, inner));
                service.externals.push(External {
                    node_port: part(Rule::external_node_port, Rule::number),
                    policy: part(Rule::external_policy, Rule::ident),
                    span: without_rest(statement),
                });
            }
            _ => {}
        }
    }
}

fn port(pair: &Pair<'_, Rule>) -> ServicePort {
    let inner = pair.clone().into_inner();
    let mut numbers = inner
        .filter(|inner| inner.as_rule() == Rule::number)
        .map(|number| name(&number));
    ServicePort {
        name: child(pair, Rule::port_name).and_then(|of| word(&of, Rule::ident)),
        protocol: word(pair, Rule::port_protocol).unwrap_or_default(),
        port: numbers.next().unwrap_or_default(),
        target: numbers.next(),
        span: without_rest(pair),
    }
}

fn word(pair: &Pair<'_, Rule>, rule: Rule) -> Option<Name> {
    child(pair, rule).map(|inner| name(&inner))
}
