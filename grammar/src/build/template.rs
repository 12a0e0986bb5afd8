//! Templates and their applications.

use pest::iterators::Pair;

use super::{Builder, Rule, child, declared, name, policy::without_rest, span};
use crate::{
    SyntaxError, SyntaxErrorKind,
    ast::{Apply, Argument, ArgumentValue, Item, Name, Parameter, Template},
};

const TEMPLATE_WORDS: [&str; 9] = [
    "endpoints",
    "cidr",
    "dns",
    "entity",
    "ports",
    "http",
    "service",
    "policy",
    "apply",
];

impl Builder<'_> {
    pub(super) fn template(&mut self, pair: &Pair<'_, Rule>) -> Template {
        self.report(pair);
        let parameters = child(pair, Rule::parameters).into_iter();
        let mut template = Template {
            name: declared(pair),
            parameters: parameters
                .flat_map(Pair::into_inner)
                .filter(|inner| inner.as_rule() == Rule::parameter)
                .map(|inner| parameter(&inner))
                .collect(),
            items: Vec::new(),
            doc: self.doc(span(pair)),
            span: span(pair),
        };
        if let Some(block) = child(pair, Rule::template_block) {
            self.block(&block, |builder, statement| match statement.as_rule() {
                Rule::bad_statement => builder.bad_statement(
                    &statement,
                    "an item that a template may hold",
                    &TEMPLATE_WORDS,
                ),
                _ => builder.item(statement, &mut template.items),
            });
            self.detached();
        }
        template
    }

    pub(super) fn apply(&mut self, pair: &Pair<'_, Rule>) -> Apply {
        let list = child(pair, Rule::arguments);
        let arguments = list.into_iter().flat_map(Pair::into_inner);
        Apply {
            name: declared(pair),
            arguments: arguments
                .filter(|inner| inner.as_rule() == Rule::argument)
                .map(|inner| self.argument(&inner))
                .collect(),
            span: without_rest(pair),
        }
    }

    fn argument(&mut self, pair: &Pair<'_, Rule>) -> Argument {
        let inner = pair.clone().into_inner().next();
        let value = inner.and_then(|inner| match inner.as_rule() {
            Rule::peers_argument => Some(ArgumentValue::Peers(self.peers(&inner))),
            Rule::number => Some(ArgumentValue::Number(name(&inner))),
            Rule::ports_argument => Some(ArgumentValue::Ports(super::l4::expr(&inner))),
            Rule::requests_argument => {
                let http = child(&inner, Rule::http)?;
                Some(ArgumentValue::Http(self.http(&http)))
            }
            _ => None,
        });
        Argument {
            value: value.unwrap_or(ArgumentValue::Missing),
            span: span(pair),
        }
    }

    /// Reports names in quotes outside templates that are words, or no names at all: only in a template
    /// something can be put into them.
    pub(super) fn quoted_names(&mut self, items: &[Item]) {
        for item in items {
            let (name, may_have_quotes) = match item {
                Item::Policy(policy) => (&policy.name, policy.name.is_policy_name()),
                Item::Service(service) => (&service.name, false),
                _ => continue,
            };
            let text = &name.text;
            if !name.is_quoted() || (may_have_quotes && !name.is_word()) {
                continue;
            }
            let error = if name.is_word() {
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    "a name is written without quotes",
                    name.span,
                    "in quotes, as in a template",
                )
                .with_help(format!("write `{text}`"))
                .with_fix(name.span, text)
            } else {
                let help = match item {
                    Item::Policy(_) => {
                        "names are words, or in quotes those of Kubernetes objects, such as `\"shop/web-in\"`"
                    }
                    _ => "names are made of letters, digits and `_`",
                };
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    format!("`{text}` is not a name"),
                    name.span,
                    "in quotes, as in a template",
                )
                .with_help(help)
            };
            self.errors.push(error);
        }
    }
}

fn parameter(pair: &Pair<'_, Rule>) -> Parameter {
    let of = child(pair, Rule::parameter_type);
    Parameter {
        name: child(pair, Rule::ident)
            .map(|word| name(&word))
            .unwrap_or_default(),
        of: of.map_or_else(Name::default, |word| name(&word)),
    }
}
