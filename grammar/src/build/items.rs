//! Items of a file.

use pest::iterators::Pair;
use polc_diagnostics::suggest;

use super::{Builder, Rule, child, declared, name, span, token};
use crate::{
    SyntaxError, SyntaxErrorKind,
    ast::{Definition, Item, LabelDeclaration, LabelSchema},
};

const ITEM_WORDS: [&str; 17] = [
    "package",
    "use",
    "host_access",
    "labels",
    "endpoints",
    "cidr",
    "dns",
    "entity",
    "ports",
    "http",
    "service",
    "policy",
    "template",
    "apply",
    "assert",
    "lint",
    "test",
];

impl Builder<'_> {
    /// Adds the item of a pair, unless it is one that has no meaning.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>, items: &mut Vec<Item>) {
        if pair.as_rule() == Rule::attribute {
            self.attribute(&pair);
            return;
        }
        if pair.as_rule() != Rule::EOI {
            self.attach(span(&pair));
        }
        match pair.as_rule() {
            Rule::stray_brace => {
                self.errors.push(
                    SyntaxError::new(
                        SyntaxErrorKind::Unexpected,
                        "this `}` closes nothing",
                        span(&pair),
                        "no block is open here",
                    )
                    .with_fix(span(&pair), ""),
                );
                return;
            }
            Rule::bad_statement => {
                self.bad_statement(&pair, "an item", &ITEM_WORDS);
                return;
            }
            Rule::EOI => return,
            // These report inside, to know whether they are whole.
            Rule::policy_item | Rule::service_item | Rule::template_item => {}
            _ => self.report(&pair),
        }
        let item = match pair.as_rule() {
            Rule::package_item => Item::Package(declared(&pair)),
            Rule::host_access_item => Item::HostAccess(declared(&pair)),
            Rule::labels_item => Item::Labels(self.labels(&pair)),
            Rule::endpoints_item => Item::Endpoints(self.peers_definition(&pair)),
            Rule::cidr_item => Item::Cidr(self.peers_definition(&pair)),
            Rule::dns_item => Item::Dns(self.peers_definition(&pair)),
            Rule::entity_item => Item::Entity(self.peers_definition(&pair)),
            Rule::http_item => Item::Http(Definition {
                name: declared(&pair),
                value: self.http_definition(&pair),
                doc: self.doc(span(&pair)),
                span: span(&pair),
            }),
            Rule::service_item => Item::Service(self.service(&pair)),
            Rule::use_item => Item::Use(
                child(&pair, Rule::use_path)
                    .map(|path| name(&path))
                    .unwrap_or_default(),
            ),
            Rule::template_item => Item::Template(self.template(&pair)),
            Rule::apply_item => Item::Apply(self.apply(&pair)),
            Rule::assert_item => Item::Assertion(self.assertion(&pair)),
            Rule::lint_item => Item::Lint(self.lint_setting(&pair)),
            Rule::ports_item => Item::Ports(Definition {
                name: declared(&pair),
                value: child(&pair, Rule::l4).map(|l4| super::l4::expr(&l4)),
                doc: self.doc(span(&pair)),
                span: span(&pair),
            }),
            Rule::policy_item => Item::Policy(self.policy(&pair)),
            Rule::test_item => Item::Test(self.test(&pair)),
            _ => return,
        };
        items.push(item);
    }

    fn peers_definition(&mut self, pair: &Pair<'_, Rule>) -> Definition<crate::ast::PeerExpr> {
        Definition {
            name: declared(pair),
            value: child(pair, Rule::peers).map(|peers| self.peers(&peers)),
            doc: self.doc(span(pair)),
            span: span(pair),
        }
    }

    fn labels(&mut self, pair: &Pair<'_, Rule>) -> LabelSchema {
        let mut schema = LabelSchema {
            labels: Vec::new(),
            span: span(pair),
        };
        for inner in pair.clone().into_inner() {
            match inner.as_rule() {
                Rule::kw_labels => schema.span = span(&inner),
                Rule::labels_block => {
                    self.block(&inner, |builder, statement| match statement.as_rule() {
                        Rule::label_declaration => {
                            builder.report(&statement);
                            schema.labels.push(label_declaration(&statement));
                        }
                        _ => {
                            builder.bad_statement(&statement, "a label, such as `app: string`", &[])
                        }
                    });
                }
                _ => {}
            }
        }
        schema
    }

    /// Visits the statements of a block, and reports a brace that is never closed.
    pub(super) fn block(
        &mut self,
        block: &Pair<'_, Rule>,
        mut statement: impl FnMut(&mut Self, Pair<'_, Rule>),
    ) {
        let open = child(block, Rule::open_brace).map(|brace| span(&brace));
        for inner in block.clone().into_inner() {
            match inner.as_rule() {
                Rule::open_brace => {}
                Rule::missing_brace => {
                    let error = self.unclosed(open, inner.as_span().start(), "}");
                    self.errors.push(error);
                }
                _ => statement(self, inner),
            }
        }
    }

    /// Reports a statement that is none of the possible ones.
    pub(super) fn bad_statement(&mut self, pair: &Pair<'_, Rule>, what: &str, words: &[&str]) {
        let found = token::found_at(self.text, pair.as_span().start());
        let word = found.word.as_deref().unwrap_or_default();
        let list = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>();
        let mut error = SyntaxError::new(
            SyntaxErrorKind::Unexpected,
            format!("expected {what}, found {}", found.text),
            found.span,
            found.label(),
        );
        let meant = synonym(word)
            .filter(|meant| words.contains(meant))
            .or_else(|| suggest::closest(word, words.iter().copied()));
        if let Some(meant) = meant {
            error = error
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(found.span, meant);
        } else if let Some((last, first)) = list.split_last() {
            let start = if first.is_empty() {
                String::new()
            } else {
                format!("{} or ", first.join(", "))
            };
            error = error.with_help(format!("it starts with {start}{last}"));
        }
        self.errors.push(error);
    }
}

/// What other policy languages call it.
fn synonym(word: &str) -> Option<&'static str> {
    Some(match word {
        "accept" | "permit" => "allow",
        "drop" | "block" | "forbid" => "deny",
        "next" | "skip" => "pass",
        "inbound" | "incoming" | "input" => "ingress",
        "outbound" | "outgoing" | "output" => "egress",
        "ipblock" | "network" | "ip" | "ipset" => "cidr",
        "group" | "set" | "selector" | "endpoint" => "endpoints",
        "port" => "ports",
        "label" => "labels",
        "assume" | "let" => "given",
        _ => return None,
    })
}

fn label_declaration(pair: &Pair<'_, Rule>) -> LabelDeclaration {
    let mut declaration = LabelDeclaration {
        key: Default::default(),
        values: Vec::new(),
    };
    for inner in pair.clone().into_inner() {
        match inner.as_rule() {
            Rule::key_word | Rule::string | Rule::unclosed_string => declaration.key = name(&inner),
            Rule::label_type => {
                declaration.values = inner
                    .into_inner()
                    .filter(|value| value.as_rule() != Rule::missing_value)
                    .map(|value| name(&value))
                    .collect();
            }
            _ => {}
        }
    }
    declaration
}
