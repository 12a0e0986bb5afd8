//! White space between two tokens of one line.

use crate::lex::{Token, TokenKind, lex};

/// Whether a space stands between two neighbours.
pub(crate) fn is_apart(before: &Token<'_>, token: &Token<'_>) -> bool {
    style(before, token) || !is_separable(before, token)
}

/// Whether two tokens without white space between them are still the same two tokens.
fn is_separable(before: &Token<'_>, token: &Token<'_>) -> bool {
    let together = format!("{}{}", before.text, token.text);
    matches!(&lex(&together)[..], [one, other] if one.text == before.text && other.text == token.text)
}

fn style(before: &Token<'_>, token: &Token<'_>) -> bool {
    use TokenKind::{Comment, Sign, Word};
    match (before.kind, before.text, token.kind, token.text) {
        (.., Comment, _) => true,
        (_, _, Sign, "," | ";" | ")" | "]" | ":") => false,
        (Sign, "(" | "[" | "!" | "@", ..) => false,
        // `{}` is every endpoint; anything between braces stands apart from them.
        (Sign, "{", Sign, "}") => false,
        (_, _, Sign, "{" | "}") | (Sign, "{" | "}", ..) => true,
        (_, _, Sign, ".." | "..=") | (Sign, ".." | "..=", ..) => false,
        (_, _, Sign, "|" | "&" | "-" | "=" | "==" | "!=" | "->" | "~") => true,
        (Sign, "|" | "&" | "-" | "=" | "==" | "!=" | "->" | "~" | "," | ";" | ":", ..) => true,
        // A call is written without a space, and words that are followed by a set with one: both
        // are right, and only who wrote it knows which it is.
        (Word, _, Sign, "(" | "[") => token.is_apart,
        (Sign, ")" | "]", ..) | (_, _, Sign, "(" | "[") => true,
        (Word | TokenKind::Text, _, Word | TokenKind::Text, _) => true,
        _ => token.is_apart,
    }
}
