//! The formatter of Pol: one style, and nothing but white space ever changes.
//!
//! It works on tokens and not on the syntax tree, so that it keeps every comment, formats files
//! with errors in them, and needs no change when the language grows.
//!
//! ```text
//! text ──lex──► tokens ──break──► lines ──space──► words and gaps ──indent, align──► text
//! ```
//!
//! - A block that does not fit one line is broken after `{` and before `}`; statements in it stand
//!   on lines of their own. Other line breaks stay where they are.
//! - Two spaces for each open bracket; a line that goes on from the one before stands one step
//!   further in.
//! - At most one empty line in a row, none inside the edges of a block, one after each block of
//!   the file's top level.
//! - Lines of more than 100 columns are broken before a `|`, where the language lets them go on.
//! - Neighbouring lines of one kind are set in columns: definitions, rules, checks, labels.

mod align;
mod breaks;
mod lex;
mod spacing;
mod wrap;

use std::fmt;

use breaks::Line;
use lex::{Token, TokenKind};
use wrap::Statement;

/// The columns that a line may fill. Longer ones are broken, if they can be, and not stretched.
const WIDTH: usize = 100;

/// A text that cannot be formatted, because its brackets do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The line of the bracket, counted from 1.
    pub line: usize,
    /// The bracket.
    pub bracket: char,
}

impl fmt::Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the `{}` in line {} has no counterpart",
            self.bracket, self.line
        )
    }
}

impl std::error::Error for Unbalanced {}

/// Formats a file.
///
/// # Errors
/// Brackets that do not match: whatever was done about it could move text into another block.
pub fn format(text: &str) -> Result<String, Unbalanced> {
    let tokens = lex::lex(text);
    let lines = breaks::lines(&tokens)?;
    let indented: Vec<align::Row> = indent(&lines);
    let mut formatted = String::with_capacity(text.len());
    for row in align::align(indented) {
        formatted.push_str(row.trim_end_matches(lex::is_blank));
        formatted.push('\n');
    }
    Ok(formatted)
}

/// Gives each line its indentation, and breaks those that are too long. Empty lines stay empty.
fn indent(lines: &[Line<'_>]) -> Vec<align::Row> {
    // For each open bracket, how far in the line stands that opened it.
    let mut open: Vec<usize> = Vec::new();
    // The line of code before, and the statement it belongs to.
    let mut before: Option<(&Line<'_>, Statement)> = None;
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        if line.tokens.is_empty() {
            rows.push(align::Row::empty());
            before = None;
            continue;
        }
        let mut closed = None;
        for _ in line.tokens.iter().take_while(|token| token.is_closer()) {
            closed = open.pop();
        }
        let outside = open.last().map_or(0, |level| level + 1);
        let going_on = before.filter(|(before, _)| closed.is_none() && goes_on(before, line));
        let level = closed.unwrap_or(outside + usize::from(going_on.is_some()));
        for token in line.tokens.iter().skip_while(|token| token.is_closer()) {
            if token.is_opener() {
                open.push(level);
            } else if token.is_closer() {
                open.pop();
            }
        }
        let statement = match going_on {
            Some((_, statement)) => statement,
            None => Statement::of(&line.tokens),
        };
        let parts = wrap::parts(&line.tokens, statement, level, outside + 1);
        let further = std::iter::once(level).chain(std::iter::repeat(outside + 1));
        rows.extend(
            parts
                .into_iter()
                .zip(further)
                .map(|(part, level)| align::Row::of(level, part)),
        );
        // A comment between two lines of a statement does not end it.
        if !line.is_comment() {
            before = Some((line, statement.after(&line.tokens)));
        }
    }
    rows
}

/// Whether a line belongs to the statement of the line before.
fn goes_on(before: &Line<'_>, line: &Line<'_>) -> bool {
    let is_operator = |token: &Token<'_>| {
        token.kind == TokenKind::Sign && matches!(token.text, "|" | "&" | "-" | "=" | "->")
    };
    let last = before
        .tokens
        .iter()
        .rev()
        .find(|token| token.kind != TokenKind::Comment);
    last.is_some_and(is_operator) || line.tokens.first().is_some_and(is_operator)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
