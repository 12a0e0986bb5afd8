//! Tokens. Every text has some: what is no word and no known sign is a sign of its own.

/// A piece of the text without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    /// Line breaks between the token before and this one.
    pub(crate) breaks: usize,
    /// Whether white space stands before it on its line.
    pub(crate) is_apart: bool,
    /// Its line, counted from 1.
    pub(crate) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word, a number, an address, a path.
    Word,
    /// Quoted text, with its quotes.
    Text,
    /// Brackets, operators, separators.
    Sign,
    /// `// …`, to the end of the line.
    Comment,
}

impl Token<'_> {
    pub(crate) fn is_opener(&self) -> bool {
        self.kind == TokenKind::Sign && matches!(self.text, "{" | "(" | "[")
    }

    pub(crate) fn is_closer(&self) -> bool {
        self.kind == TokenKind::Sign && matches!(self.text, "}" | ")" | "]")
    }
}

/// Signs of two characters, before those of one.
const LONG_SIGNS: [&str; 5] = ["->", "!=", "==", "..=", ".."];

pub(crate) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let (mut breaks, mut is_apart, mut line) = (0, false, 1);
    while let Some(first) = rest.chars().next() {
        if is_blank(first) || matches!(first, '\n' | '\u{feff}') {
            if first == '\n' {
                breaks += 1;
                line += 1;
            }
            is_apart = true;
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (kind, mut length) = token(rest);
        if kind == TokenKind::Word
            // Separators may be left out later, and must not be what this depends on.
            && let Some(before) = tokens.iter().rfind(|token: &&Token<'_>| token.text != ";")
            && let Some(dash) = minus(before, rest.get(..length).unwrap_or_default())
        {
            length = dash;
        }
        let (now, later) = rest.split_at_checked(length).unwrap_or((rest, ""));
        // Comments, and what is never closed, reach to the end of their line; nobody sees the white
        // space there.
        let shown = now.trim_end_matches(is_blank);
        tokens.push(Token {
            kind,
            text: shown,
            breaks,
            is_apart,
            line,
        });
        (breaks, is_apart) = (0, false);
        rest = later;
    }
    tokens
}

/// White space inside a line, as the grammar has it. What else a line may be set apart with is part
/// of the text, and a path may contain it.
pub(crate) const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

/// The kind and length of the token at the start of a text, which is not white space.
fn token(text: &str) -> (TokenKind, usize) {
    let end_of_line = text.find('\n').unwrap_or(text.len());
    if text.starts_with("//") {
        return (TokenKind::Comment, end_of_line);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        // Text that is never closed ends with its line.
        let close = quoted
            .find(['"', '\n'])
            .filter(|&at| quoted.get(at..).is_some_and(|rest| rest.starts_with('"')));
        return (TokenKind::Text, close.map_or(end_of_line, |at| at + 2));
    }
    if text.starts_with('/') {
        return (TokenKind::Word, path(text));
    }
    if let Some(sign) = LONG_SIGNS.iter().find(|sign| text.starts_with(**sign)) {
        return (TokenKind::Sign, sign.len());
    }
    match word(text) {
        0 => (
            TokenKind::Sign,
            text.chars().next().map_or(1, char::len_utf8),
        ),
        length => (TokenKind::Word, length),
    }
}

/// Where a `-` in a word takes one set from another: `10.0.0.0/8-10.1.0.0/16`, `from all-office`.
/// Elsewhere it is part of the word: `{ app: web-1 }`.
fn minus(before: &Token<'_>, word: &str) -> Option<usize> {
    let at = word.find('-').filter(|&at| at > 0)?;
    let first = word.get(..at)?;
    let is_address = || {
        let has_length = first.contains('/') && first.contains('.');
        (has_length || first.matches(':').count() > 1)
            && first
                .chars()
                .all(|c| c.is_ascii_hexdigit() || ":./".contains(c))
    };
    let is_operand = match (before.kind, before.text) {
        (TokenKind::Word, "from" | "to" | "for") | (TokenKind::Sign, "-" | "&") => true,
        // Values of labels stand here, too, and never look like these addresses.
        (TokenKind::Sign, "=" | "|" | "(") => is_address(),
        _ => false,
    };
    // What stands before the dash must be a word wherever it stands.
    (is_operand && self::word(first) == at).then_some(at)
}

/// A path of a request: `/cart/{id: int}/items`. Braces in it are part of it.
fn path(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '\n' => return at,
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            ',' | ';' | '|' | '"' if depth == 0 => return at,
            _ if depth == 0 && is_blank(character) => return at,
            _ => {}
        }
    }
    text.len()
}

/// A word, an address, a number: letters, digits, and the signs that stand inside them. 0 when the
/// text begins with none.
fn word(text: &str) -> usize {
    let inner = |c: char| c.is_alphanumeric() || "_.:/-".contains(c);
    if !text.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
        return 0;
    }
    let end = text.find(|c: char| !inner(c)).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or(text);
    // `->` needs the sign behind the word to be seen.
    let reach = text.get(..=end).unwrap_or(word);
    let stops = ["->", "//", ".."].map(|stop| reach.find(stop).unwrap_or(end));
    let end = stops.into_iter().fold(end, usize::min);
    let word = text.get(..end).unwrap_or(word);
    // The colon behind a word is none of its own.
    let word = match word.strip_suffix(':') {
        Some(before) if !before.ends_with(':') => before,
        _ => word,
    };
    // `app: web` and `app:web` are three tokens; `::` belongs to paths and addresses.
    let is_address = word.matches(':').count() > 1;
    match word.find(':') {
        Some(at) if !is_address => at,
        _ => word.len(),
    }
}
