//! Columns: neighbouring lines of one kind are set under each other.

use crate::{
    WIDTH,
    lex::{Token, TokenKind},
    spacing::is_apart,
    wrap,
};

/// A line on its way to the text.
pub(crate) struct Row {
    level: usize,
    kind: Kind,
    /// The texts of its columns. Rows of one kind have as many, or fewer.
    cells: Vec<String>,
    /// What follows without a column of its own.
    comment: Option<String>,
}

/// What lines have in common that stand in columns together.
#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// `cidr office = …`, by its first word.
    Definition(String),
    /// `allow from … on …`
    Rule,
    /// `web -> cart tcp 80 is allowed`
    Check,
    /// `tier: frontend | backend`
    Label,
    /// `balance maglev`
    Setting,
    /// `GET /cart/{id: int} when …`
    Route,
    /// A comment of its own, between whatever it is between.
    Comment,
    /// Anything else, which stands alone.
    Other,
}

impl Row {
    pub(crate) const fn empty() -> Self {
        Self {
            level: 0,
            kind: Kind::Other,
            cells: Vec::new(),
            comment: None,
        }
    }

    pub(crate) fn of(level: usize, tokens: &[Token<'_>]) -> Self {
        let (tokens, comment) = match tokens {
            [code @ .., last] if last.kind == TokenKind::Comment && !code.is_empty() => {
                (code, Some(last.text.to_owned()))
            }
            _ => (tokens, None),
        };
        let (kind, starts) = columns(tokens);
        let mut cells = vec![String::new()];
        for (index, token) in tokens.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| tokens.get(before));
            let starts_cell = starts.contains(&index);
            if starts_cell {
                cells.push(String::new());
            }
            if let Some(cell) = cells.last_mut() {
                if !starts_cell && before.is_some_and(|before| is_apart(before, token)) {
                    cell.push(' ');
                }
                cell.push_str(token.text);
            }
        }
        Self {
            level,
            kind,
            cells,
            comment,
        }
    }

    /// How long the line is without columns, and without the comment behind it.
    pub(crate) fn length(&self) -> usize {
        self.code(&[]).chars().count()
    }

    fn code(&self, widths: &[usize]) -> String {
        let mut text = " ".repeat(2 * self.level);
        for (index, cell) in self.cells.iter().enumerate() {
            text.push_str(cell);
            if index + 1 < self.cells.len() {
                let width = widths.get(index).copied().unwrap_or(0);
                let padding = width.saturating_sub(cell.chars().count());
                text.push_str(&" ".repeat(padding + 1));
            }
        }
        text
    }

    fn text(&self, widths: &[usize]) -> String {
        let mut text = self.code(widths);
        if let Some(comment) = &self.comment {
            text.push_str("  ");
            text.push_str(comment);
        }
        text
    }
}

/// Sets runs of rows in columns.
pub(crate) fn align(rows: Vec<Row>) -> Vec<String> {
    let mut lines = Vec::with_capacity(rows.len());
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let length = match first.kind {
            Kind::Other | Kind::Comment => 1,
            _ => run_length(rest, first),
        };
        let (run, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let widths = widths(run);
        // A line that is too long anyway is no reason to leave the others uneven.
        let length = |row: &Row, widths: &[usize]| row.code(widths).chars().count();
        let fits = run
            .iter()
            .all(|row| length(row, &widths) <= WIDTH || row.length() > WIDTH);
        let widths = if fits { widths } else { Vec::new() };
        lines.extend(run.iter().map(|row| row.text(&widths)));
        rest = later;
    }
    lines
}

/// How many rows belong together: those of one kind and level, and comments between them.
fn run_length(rows: &[Row], first: &Row) -> usize {
    let belongs = |row: &Row| row.level == first.level && row.kind == first.kind;
    let is_between = |row: &Row| row.level == first.level && row.kind == Kind::Comment;
    let reach = rows
        .iter()
        .take_while(|row| belongs(row) || is_between(row))
        .count();
    let within = rows.get(..reach).unwrap_or(rows);
    within.iter().rposition(belongs).map_or(1, |last| last + 1)
}

/// How wide each column must be. The last cell of a row needs no room.
fn widths(run: &[Row]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in run {
        let but_last = row.cells.len().saturating_sub(1);
        for (index, cell) in row.cells.iter().take(but_last).enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(index) {
                Some(known) => *known = width.max(*known),
                None => widths.push(width),
            }
        }
    }
    widths
}

/// The kind of a line, and where its cells begin after the first.
fn columns(tokens: &[Token<'_>]) -> (Kind, Vec<usize>) {
    let position = |text: &str| tokens.iter().position(|token| token.text == text);
    // A line may open the bracket that the next ones stand in, but end none that others opened.
    let code = match tokens.split_last() {
        Some((last, rest)) if last.is_opener() => rest,
        _ => tokens,
    };
    let Some(first) = tokens.first().filter(|_| is_balanced(code)) else {
        return (Kind::Other, Vec::new());
    };
    if first.kind == TokenKind::Comment {
        return (Kind::Comment, Vec::new());
    }
    match (first.text, tokens.get(1).map(|second| second.text)) {
        (
            word @ ("endpoints" | "cidr" | "ports" | "dns" | "entity" | "http" | "given" | "lint"),
            _,
        ) => match position("=") {
            Some(equals) => (Kind::Definition(word.to_owned()), vec![equals]),
            None => (Kind::Other, Vec::new()),
        },
        ("allow" | "deny" | "pass" | "reject", Some("from" | "to")) => {
            let mut starts = vec![1];
            if let Some(on) = top_level(tokens, "on") {
                starts.push(on);
                let only = top_level(tokens, "only")
                    .or_else(|| top_level(tokens, "sni"))
                    .or_else(|| wrap::names_clause(tokens));
                starts.extend(only.filter(|&only| only > on));
            }
            (Kind::Rule, starts)
        }
        ("address" | "port" | "backends" | "balance" | "affinity" | "external", Some(second))
            if !matches!(second, ":" | "=" | "->") =>
        {
            (Kind::Setting, vec![1])
        }
        (_, Some(":")) if first.kind != TokenKind::Sign => (Kind::Label, vec![2]),
        (word, Some(path)) if is_method(word) && path.starts_with('/') => {
            let mut starts = vec![1];
            starts.extend(top_level(tokens, "when"));
            (Kind::Route, starts)
        }
        _ => match (position("->"), position("is")) {
            (Some(arrow), Some(is)) if arrow + 2 < is => (Kind::Check, vec![arrow, arrow + 2, is]),
            _ => (Kind::Other, Vec::new()),
        },
    }
}

fn is_balanced(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    for token in tokens {
        if token.is_opener() {
            depth += 1;
        } else if token.is_closer() {
            let Some(outside) = depth.checked_sub(1) else {
                return false;
            };
            depth = outside;
        }
    }
    depth == 0
}

/// The first such word outside all brackets.
fn top_level(tokens: &[Token<'_>], word: &str) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        if token.is_opener() {
            depth += 1;
        } else if token.is_closer() {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.kind == TokenKind::Word && token.text == word
    })
}

fn is_method(word: &str) -> bool {
    word == "*" || (word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()))
}
