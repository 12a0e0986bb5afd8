//! Lines that are too long are broken before a `|`, where the language lets a line go on.

use crate::{
    WIDTH,
    align::Row,
    lex::{Token, TokenKind},
};

/// What a line may be broken into depends on the statement that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// It may go on in the next line, before a `|`.
    GoesOn,
    /// It ends with its line.
    Ends,
}

impl Statement {
    /// The statement that begins with these tokens.
    pub(crate) fn of(tokens: &[Token<'_>]) -> Self {
        let word = |index: usize| tokens.get(index).map(|token| token.text);
        let goes_on = match (word(0), word(1), word(2)) {
            (Some("allow" | "deny" | "pass" | "reject"), Some("from" | "to"), _) => true,
            (
                Some("endpoints" | "cidr" | "dns" | "entity" | "ports" | "http"),
                Some(_),
                Some("="),
            ) => true,
            (Some("address"), Some(_), _) => true,
            // A label and its values.
            (Some(_), Some(":"), _) => true,
            _ => false,
        };
        if goes_on { Self::GoesOn } else { Self::Ends }
    }

    /// The statement after one of its lines. Names of servers and of queries stand on one line.
    pub(crate) fn after(self, line: &[Token<'_>]) -> Self {
        match names_clause(line) {
            Some(_) => Self::Ends,
            None => self,
        }
    }
}

/// Where `sni "…"` or `dns "…"` begins.
pub(crate) fn names_clause(tokens: &[Token<'_>]) -> Option<usize> {
    let is_clause = |pair: &[Token<'_>]| {
        matches!(pair, [word, name] if word.kind == TokenKind::Word
            && matches!(word.text, "sni" | "dns")
            && name.kind == TokenKind::Text)
    };
    tokens.windows(2).position(is_clause)
}

/// The parts that a line is broken into; one, when it fits or cannot be broken. The first stands
/// `level` steps in, the others `further`.
pub(crate) fn parts<'a, 'b>(
    tokens: &'b [Token<'a>],
    statement: Statement,
    level: usize,
    further: usize,
) -> Vec<&'b [Token<'a>]> {
    let is_too_long = |level: usize, part: &[Token<'_>]| Row::of(level, part).length() > WIDTH;
    if statement == Statement::Ends || !is_too_long(level, tokens) {
        return vec![tokens];
    }
    let mut parts = Vec::new();
    let mut start = 0;
    let ends = breaks(tokens).into_iter().skip(1);
    let mut before = None;
    for end in ends.chain([tokens.len()]) {
        let level = if start == 0 { level } else { further };
        let longer = tokens.get(start..end).unwrap_or_default();
        if let Some(last) = before.filter(|_| is_too_long(level, longer)) {
            parts.push(tokens.get(start..last).unwrap_or_default());
            start = last;
        }
        before = Some(end);
    }
    parts.push(tokens.get(start..).unwrap_or_default());
    parts
}

/// Where parts may begin: at the first token, and at each `|` outside all brackets. A line that
/// opens or closes a bracket of other lines stays whole, or they would stand elsewhere.
fn breaks(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut breaks = vec![0];
    let clause = names_clause(tokens).unwrap_or(usize::MAX);
    for (index, token) in tokens.iter().enumerate() {
        if token.is_opener() {
            depth += 1;
        } else if token.is_closer() {
            let Some(outside) = depth.checked_sub(1) else {
                return vec![0];
            };
            depth = outside;
        }
        let is_bar = token.kind == TokenKind::Sign && token.text == "|";
        if is_bar && depth == 0 && index > 0 && index < clause {
            breaks.push(index);
        }
    }
    if depth == 0 { breaks } else { vec![0] }
}
