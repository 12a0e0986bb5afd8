//! Peer expressions: `|` binds least; `&` and `-` bind alike, from left to right.
//!
//! The grammar keeps parentheses in one flat sequence; here they are matched, with a limit to how
//! deep they go, because everything behind the parser walks the tree with recursion.

use std::iter::Peekable;

use pest::iterators::{Pair, Pairs};

use super::{Builder, Rule, name, span, text_in};
use crate::{
    Span, SyntaxError, SyntaxErrorKind,
    ast::{ChainOperator, Condition, LabelSet, LabelTest, Name, NamespaceExpr, PeerExpr},
};

/// How deep parentheses may go.
const MAX_DEPTH: usize = 32;

type Pieces<'a> = Peekable<Pairs<'a, Rule>>;

impl Builder<'_> {
    pub(super) fn peers(&mut self, pair: &Pair<'_, Rule>) -> PeerExpr {
        let mut pieces = pair.clone().into_inner().peekable();
        let expr = self.union(&mut pieces, 0);
        if let Some(extra) = pieces.find(|piece| piece.as_rule() == Rule::close_paren) {
            self.errors.push(
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    "this `)` closes nothing",
                    span(&extra),
                    "no `(` is open here",
                )
                .with_fix(span(&extra), ""),
            );
            return PeerExpr::Missing(span(pair));
        }
        expr
    }

    fn union(&mut self, pieces: &mut Pieces<'_>, depth: usize) -> PeerExpr {
        let first = self.chain(pieces, depth);
        let mut whole = first.span();
        let mut parts = vec![first];
        while next_is(pieces, |piece| piece.as_str().trim_end() == "|") {
            pieces.next();
            let part = self.chain(pieces, depth);
            whole = whole.to(part.span());
            parts.push(part);
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                PeerExpr::Union { parts, span: whole }
            }
        }
    }

    fn chain(&mut self, pieces: &mut Pieces<'_>, depth: usize) -> PeerExpr {
        let first = self.primary(pieces, depth);
        let mut whole = first.span();
        let mut rest = Vec::new();
        while let Some(operator) = pieces.peek().and_then(chain_operator) {
            pieces.next();
            let part = self.primary(pieces, depth);
            whole = whole.to(part.span());
            rest.push((operator, part));
        }
        if rest.is_empty() {
            first
        } else {
            PeerExpr::Chain {
                first: Box::new(first),
                rest,
                span: whole,
            }
        }
    }

    fn primary(&mut self, pieces: &mut Pieces<'_>, depth: usize) -> PeerExpr {
        let Some(piece) = pieces.next() else {
            return PeerExpr::Missing(Span::default());
        };
        let place = span(&piece);
        let base = match piece.as_rule() {
            Rule::open_paren => self.parenthesised(place, pieces, depth),
            Rule::label_set => PeerExpr::Labels(label_set(&piece)),
            Rule::address => PeerExpr::Address(name(&piece)),
            Rule::string | Rule::unclosed_string => PeerExpr::Dns(name(&piece)),
            Rule::namespace_peer => match super::child(&piece, Rule::label_set) {
                Some(set) => PeerExpr::NamespaceLabels(label_set(&set)),
                None => PeerExpr::Missing(place),
            },
            Rule::node_peer => match super::child(&piece, Rule::label_set) {
                Some(set) => PeerExpr::NodeLabels(label_set(&set)),
                None => PeerExpr::Missing(place),
            },
            Rule::peer_name | Rule::path => PeerExpr::Name(name(&piece)),
            _ => PeerExpr::Missing(place),
        };
        let mut whole = base.span();
        let mut namespaces = Vec::new();
        while let Some(suffix) = pieces.next_if(|piece| piece.as_rule() == Rule::in_namespace) {
            let labels = super::child(&suffix, Rule::label_set);
            namespaces.extend(match labels {
                Some(set) => Some(NamespaceExpr::Labels(label_set(&set))),
                None => text_in(&suffix).map(NamespaceExpr::Name),
            });
            whole = whole.to(span(&suffix));
        }
        if namespaces.is_empty() {
            base
        } else {
            PeerExpr::In {
                base: Box::new(base),
                namespaces,
                span: whole,
            }
        }
    }

    fn parenthesised(&mut self, open: Span, pieces: &mut Pieces<'_>, depth: usize) -> PeerExpr {
        let open = Span {
            end: open.start + 1,
            ..open
        };
        if depth >= MAX_DEPTH {
            self.errors.push(
                SyntaxError::new(
                    SyntaxErrorKind::TooDeep,
                    format!("more than {MAX_DEPTH} parentheses in one another"),
                    open,
                    "this one is too deep",
                )
                .with_help("give a part of the expression a name"),
            );
            // The rest of the expression has no structure that could be trusted.
            pieces.by_ref().for_each(drop);
            return PeerExpr::Missing(open);
        }
        let before = self.errors.len();
        let inner = self.union(pieces, depth + 1);
        match pieces.next_if(|piece| piece.as_rule() == Rule::close_paren) {
            Some(close) => spanning(inner, open.to(span(&close))),
            None => {
                // One error is enough for one expression.
                if self.errors.len() == before {
                    let end = inner.span().to(open).end as usize;
                    let error = self.unclosed(Some(open), end, ")");
                    self.errors.push(error);
                }
                inner
            }
        }
    }
}

/// The same expression with the parentheses in its span, so that a chain or union of it covers
/// them.
fn spanning(expr: PeerExpr, whole: Span) -> PeerExpr {
    match expr {
        PeerExpr::Union { parts, .. } => PeerExpr::Union { parts, span: whole },
        PeerExpr::Chain { first, rest, .. } => PeerExpr::Chain {
            first,
            rest,
            span: whole,
        },
        other => other,
    }
}

fn next_is(pieces: &mut Pieces<'_>, test: impl Fn(&Pair<'_, Rule>) -> bool) -> bool {
    pieces.peek().is_some_and(test)
}

fn chain_operator(piece: &Pair<'_, Rule>) -> Option<ChainOperator> {
    match (piece.as_rule(), piece.as_str().trim_end()) {
        (Rule::operator, "&") => Some(ChainOperator::And),
        (Rule::operator, "-") => Some(ChainOperator::Minus),
        _ => None,
    }
}

pub(super) fn label_set(pair: &Pair<'_, Rule>) -> LabelSet {
    LabelSet {
        conditions: pair
            .clone()
            .into_inner()
            .filter_map(|inner| condition(&inner))
            .collect(),
        span: span(pair),
    }
}

fn condition(pair: &Pair<'_, Rule>) -> Option<Condition> {
    let is_absent = match pair.as_rule() {
        Rule::absent_condition => true,
        Rule::label_condition => false,
        _ => return None,
    };
    let mut key = None;
    let mut test = if is_absent {
        LabelTest::Absent
    } else {
        LabelTest::Exists
    };
    let mut operator = None;
    for inner in pair.clone().into_inner() {
        match inner.as_rule() {
            rule @ (Rule::is | Rule::is_not | Rule::is_in | Rule::is_not_in) => {
                operator = Some(rule);
                test = LabelTest::Missing;
            }
            Rule::list => {
                let values = list(&inner);
                test = match operator {
                    Some(Rule::is_not_in) => LabelTest::NotIn(values),
                    _ => LabelTest::In(values),
                };
            }
            Rule::key_word | Rule::value_word | Rule::string | Rule::unclosed_string => {
                match operator {
                    None => key = key.or_else(|| Some(name(&inner))),
                    Some(Rule::is_not) => test = LabelTest::IsNot(name(&inner)),
                    Some(_) => test = LabelTest::Is(name(&inner)),
                }
            }
            _ => {}
        }
    }
    Some(Condition {
        key: key?,
        test,
        span: span(pair),
    })
}

fn list(pair: &Pair<'_, Rule>) -> Vec<Name> {
    pair.clone()
        .into_inner()
        .filter(|inner| {
            matches!(
                inner.as_rule(),
                Rule::value_word | Rule::string | Rule::unclosed_string
            )
        })
        .map(|inner| name(&inner))
        .collect()
}
