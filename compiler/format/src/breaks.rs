//! Lines: where the text is broken.

use crate::{
    Unbalanced,
    lex::{Token, TokenKind, lex},
};

/// A line of tokens. Without any it is an empty line.
#[derive(Debug, Default)]
pub(crate) struct Line<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
}

impl Line<'_> {
    /// Whether it is nothing but a comment.
    pub(crate) fn is_comment(&self) -> bool {
        matches!(&self.tokens[..], [token] if token.kind == TokenKind::Comment)
    }
}

/// An open bracket.
struct Open<'a> {
    token: Token<'a>,
    /// Whether its counterpart stands on another line of the source.
    is_broken: bool,
}

/// Puts tokens on lines.
pub(crate) fn lines<'a>(tokens: &[Token<'a>]) -> Result<Vec<Line<'a>>, Unbalanced> {
    let broken = broken_brackets(tokens)?;
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut open: Vec<Open<'a>> = Vec::new();
    let mut current = Line::default();
    let mut pending_break = false;
    for (index, &token) in tokens.iter().enumerate() {
        let in_broken = open.last().is_none_or(|open| open.is_broken);
        // Where every statement has a line of its own there is nothing to separate.
        let is_separator = token.text == ";" && token.kind == TokenKind::Sign && in_broken;
        if is_separator {
            pending_break = true;
            continue;
        }
        let closes_broken = token.is_closer() && in_broken && !open.is_empty();
        let is_comment = |token: &Token<'_>| token.kind == TokenKind::Comment;
        let is_after_comment = current.tokens.last().is_some_and(is_comment);
        let is_comment_behind = is_comment(&token) && token.breaks == 0 && !is_after_comment;
        let is_joined = opens_block(current.tokens.last(), &token);
        let breaks = (pending_break && !is_comment_behind) || token.breaks > 0 || closes_broken;
        if breaks && !is_joined && !current.tokens.is_empty() {
            lines.push(std::mem::take(&mut current));
        }
        if token.breaks > 1 && !is_joined {
            lines.push(Line::default());
        }
        pending_break = pending_break && is_comment_behind;
        if token.is_closer() {
            open.pop();
        }
        current.tokens.push(token);
        if token.is_opener() {
            let is_broken = broken.get(index).copied().unwrap_or(false);
            open.push(Open { token, is_broken });
            pending_break |= is_broken;
        }
    }
    if !current.tokens.is_empty() {
        lines.push(current);
    }
    if let Some(open) = open.first() {
        return Err(unbalanced(&open.token));
    }
    Ok(tidy(lines))
}

/// Whether this is the `{` of a block, which stands on the line of its head and not below it.
fn opens_block(before: Option<&Token<'_>>, token: &Token<'_>) -> bool {
    let is_head = |before: &Token<'_>| match before.kind {
        // What is never closed would swallow it.
        TokenKind::Word | TokenKind::Text => lex(&format!("{} {{", before.text)).len() == 2,
        TokenKind::Sign => before.is_closer(),
        TokenKind::Comment => false,
    };
    token.kind == TokenKind::Sign && token.text == "{" && before.is_some_and(is_head)
}

/// For each token, whether it opens a bracket that closes on another line.
fn broken_brackets(tokens: &[Token<'_>]) -> Result<Vec<bool>, Unbalanced> {
    let mut broken = vec![false; tokens.len()];
    let mut open: Vec<(usize, Token<'_>)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.is_opener() {
            open.push((index, *token));
        } else if token.is_closer() {
            let (start, opener) = open.pop().ok_or_else(|| unbalanced(token))?;
            if counterpart(opener.text) != token.text {
                return Err(unbalanced(&opener));
            }
            if let Some(one) = broken.get_mut(start) {
                *one = opener.line != token.line;
            }
        }
    }
    match open.first() {
        Some((_, opener)) => Err(unbalanced(opener)),
        None => Ok(broken),
    }
}

fn counterpart(opener: &str) -> &'static str {
    match opener {
        "{" => "}",
        "(" => ")",
        _ => "]",
    }
}

fn unbalanced(token: &Token<'_>) -> Unbalanced {
    Unbalanced {
        line: token.line,
        bracket: token.text.chars().next().unwrap_or('?'),
    }
}

/// Removes empty lines that say nothing, and puts one behind each block of the top level.
fn tidy(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut tidied: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    let mut depth = 0_usize;
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        if line.tokens.is_empty() {
            let opens = |line: &Line<'_>| line.tokens.last().is_some_and(Token::is_opener);
            let closes = |line: &Line<'_>| line.tokens.first().is_some_and(Token::is_closer);
            let is_wanted = tidied
                .last()
                .is_some_and(|before| !before.tokens.is_empty() && !opens(before))
                && lines
                    .peek()
                    .is_some_and(|next| !next.tokens.is_empty() && !closes(next));
            if is_wanted {
                tidied.push(line);
            }
            continue;
        }
        let started_deep = depth > 0;
        for token in &line.tokens {
            if token.is_opener() {
                depth += 1;
            } else if token.is_closer() {
                depth = depth.saturating_sub(1);
            }
        }
        let ends_block = started_deep
            && depth == 0
            && line.tokens.len() == 1
            && line.tokens.first().is_some_and(|token| token.text == "}");
        tidied.push(line);
        if ends_block && lines.peek().is_some_and(|next| !next.tokens.is_empty()) {
            tidied.push(Line::default());
        }
    }
    tidied
}
