//! Tests.

use pest::iterators::Pair;

use super::{Builder, Rule, child, declared, name, policy::without_rest, span, text_in};
use crate::ast::{Check, Given, LabelSet, Outcome, Party, Test};

const TEST_WORDS: [&str; 1] = ["given"];

impl Builder<'_> {
    pub(super) fn test(&mut self, pair: &Pair<'_, Rule>) -> Test {
        let mut test = Test {
            name: text_in(pair).unwrap_or_default(),
            givens: Vec::new(),
            checks: Vec::new(),
        };
        if let Some(block) = child(pair, Rule::test_block) {
            self.block(&block, |builder, statement| match statement.as_rule() {
                Rule::given => {
                    builder.report(&statement);
                    test.givens.push(given(&statement));
                }
                Rule::check => {
                    builder.report(&statement);
                    test.checks.extend(check(&statement));
                }
                _ => builder.bad_statement(
                    &statement,
                    "`given …` or a check such as `a -> b tcp 80 is allowed`",
                    &TEST_WORDS,
                ),
            });
        }
        test
    }
}

fn given(pair: &Pair<'_, Rule>) -> Given {
    Given {
        name: declared(pair),
        init: child(pair, Rule::kw_init).map(|word| name(&word)),
        labels: child(pair, Rule::label_set)
            .map_or_else(LabelSet::default, |set| super::peers::label_set(&set)),
        namespace: child(pair, Rule::in_namespace).and_then(|suffix| text_in(&suffix)),
        namespace_labels: child(pair, Rule::namespace_labels)
            .or_else(|| child(pair, Rule::in_namespace))
            .and_then(|suffix| child(&suffix, Rule::label_set))
            .map_or_else(LabelSet::default, |set| super::peers::label_set(&set)),
        addresses: child(pair, Rule::given_at)
            .into_iter()
            .flat_map(Pair::into_inner)
            .filter(|inner| inner.as_rule() == Rule::address)
            .map(|address| name(&address))
            .collect(),
        ports: child(pair, Rule::given_ports)
            .into_iter()
            .flat_map(Pair::into_inner)
            .filter(|inner| inner.as_rule() == Rule::given_port)
            .filter_map(|port| {
                let term = child(&port, Rule::port_term)?;
                Some((text_in(&port)?, super::l4::term(&term)))
            })
            .collect(),
        span: without_rest(pair),
    }
}

fn check(pair: &Pair<'_, Rule>) -> Option<Check> {
    let mut parties = pair
        .clone()
        .into_inner()
        .filter(|inner| inner.as_rule() == Rule::party)
        .filter_map(|inner| party(&inner));
    Some(Check {
        source: parties.next()?,
        destination: parties.next(),
        packet: child(pair, Rule::packet)
            .and_then(|packet| packet.into_inner().next())
            .map(|term| super::l4::term(&term)),
        request: child(pair, Rule::check_request)
            .map(|request| super::http::check_request(&request)),
        outcome: child(pair, Rule::outcome).map(|outcome| match outcome.as_str() {
            "denied" => Outcome::Denied,
            _ => Outcome::Allowed,
        }),
        by: child(pair, Rule::by).map(|by| declared(&by)),
        span: without_rest(pair),
    })
}

fn party(pair: &Pair<'_, Rule>) -> Option<Party> {
    let inner = pair.clone().into_inner().next()?;
    let mut name = name(&inner);
    name.span = span(&inner);
    Some(match inner.as_rule() {
        Rule::address => Party::Address(name),
        Rule::string | Rule::unclosed_string => Party::Dns(name),
        _ => Party::Name(name),
    })
}
