//! Policies and rules.

use pest::iterators::Pair;

use super::{Builder, Rule, child, declared, name, span};
use crate::{
    Span, SyntaxError, SyntaxErrorKind,
    ast::{Action, Completeness, Direction, DirectionBlock, Policy, Preposition, Rule as RuleAst},
};

const POLICY_WORDS: [&str; 6] = ["ingress", "egress", "tier", "priority", "audit", "default"];
const RULE_WORDS: [&str; 4] = ["allow", "deny", "reject", "pass"];

impl Builder<'_> {
    pub(super) fn policy(&mut self, pair: &Pair<'_, Rule>) -> Policy {
        let before = self.errors.len();
        self.report(pair);
        let mut policy = Policy {
            name: declared(pair),
            subject: None,
            tiers: Vec::new(),
            priorities: Vec::new(),
            audits: Vec::new(),
            default_allows: Vec::new(),
            blocks: Vec::new(),
            head: Span::default(),
            doc: self.doc(span(pair)),
            completeness: Completeness::Whole,
        };
        let start = span(pair).start;
        let mut end = start;
        for inner in pair.clone().into_inner() {
            match inner.as_rule() {
                Rule::peers => {
                    policy.subject = Some(self.peers(&inner));
                    end = span(&inner).end;
                }
                Rule::policy_block => self.block(&inner, |builder, statement| {
                    builder.policy_statement(&statement, &mut policy);
                }),
                _ if policy.blocks.is_empty() => end = end.max(span(&inner).end),
                _ => {}
            }
        }
        policy.head = Span { start, end };
        if self.errors.len() > before {
            policy.completeness = Completeness::Broken;
        }
        policy
    }

    fn policy_statement(&mut self, statement: &Pair<'_, Rule>, policy: &mut Policy) {
        let first = statement.clone().into_inner().nth(1);
        let word = || first.as_ref().map(name).filter(|word| !word.is_missing());
        let keyword = || {
            statement
                .clone()
                .into_inner()
                .next()
                .map(|word| span(&word))
        };
        match statement.as_rule() {
            Rule::tier => policy.tiers.extend(word()),
            Rule::priority => policy.priorities.extend(word()),
            Rule::audit => policy.audits.extend(keyword()),
            Rule::default => policy.default_allows.push(without_rest(statement)),
            Rule::direction_block => {
                self.report(statement);
                policy.blocks.extend(self.direction_block(statement));
                return;
            }
            Rule::misplaced_rule => {
                self.errors.push(
                    SyntaxError::new(
                        SyntaxErrorKind::Unexpected,
                        "a rule stands outside `ingress` and `egress`",
                        span(statement),
                        "to which direction does it belong?",
                    )
                    .with_help("put it into `ingress { … }` or `egress { … }`"),
                );
                return;
            }
            _ => {
                self.bad_statement(statement, "a block or setting of the policy", &POLICY_WORDS);
                return;
            }
        }
        self.report(statement);
    }

    fn direction_block(&mut self, pair: &Pair<'_, Rule>) -> Option<DirectionBlock> {
        let word = child(pair, Rule::direction)?;
        let mut block = DirectionBlock {
            direction: match word.as_str() {
                "egress" => Direction::Egress,
                _ => Direction::Ingress,
            },
            span: span(&word),
            default_allows: Vec::new(),
            rules: Vec::new(),
        };
        let rules = child(pair, Rule::rule_block)?;
        self.block(&rules, |builder, statement| match statement.as_rule() {
            Rule::attribute => builder.attribute(&statement),
            Rule::rule_statement => {
                builder.attach(without_rest(&statement));
                builder.report(&statement);
                block.rules.extend(builder.rule(&statement));
            }
            Rule::default => {
                builder.report(&statement);
                block.default_allows.push(without_rest(&statement));
            }
            _ => builder.bad_statement(&statement, "a rule", &RULE_WORDS),
        });
        self.detached();
        Some(block)
    }

    fn rule(&mut self, pair: &Pair<'_, Rule>) -> Option<RuleAst> {
        let action = match child(pair, Rule::action)?.as_str() {
            "allow" => Action::Allow,
            "deny" => Action::Deny,
            "pass" => Action::Pass,
            "reject" => Action::Reject,
            _ => return None,
        };
        Some(RuleAst {
            action,
            preposition: child(pair, Rule::preposition).map(|word| {
                let preposition = match word.as_str() {
                    "to" => Preposition::To,
                    _ => Preposition::From,
                };
                (preposition, span(&word))
            }),
            peers: child(pair, Rule::peers).map(|peers| self.peers(&peers)),
            l4: child(pair, Rule::l4).map(|l4| super::l4::expr(&l4)),
            l7: self.l7(pair),
            span: without_rest(pair),
        })
    }
}

/// The span of a statement up to what does not belong to it.
pub(super) fn without_rest(pair: &Pair<'_, Rule>) -> Span {
    let whole = span(pair);
    let end = pair
        .clone()
        .into_inner()
        .filter(|inner| inner.as_rule() != Rule::rest)
        .map(|inner| span(&inner).end)
        .max();
    Span {
        start: whole.start,
        end: end.unwrap_or(whole.end).max(whole.start),
    }
}
