//! Regular expressions on parts of requests: which ones there are.
//!
//! They are over bytes, without look-around and back-references, so that matching takes time linear
//! in the text, and they match a value as a whole.

use std::error::Error;

use regex_automata::{nfa::thompson, util::syntax};

/// More than any sensible expression needs; repetitions of repetitions grow past it.
const MAX_BYTES: usize = 1 << 18;

/// Why a text is no expression that can be used.
#[derive(Clone, Debug)]
pub struct PatternError(Box<thompson::BuildError>);

/// Checks an expression.
///
/// # Errors
/// The text is no regular expression, uses what takes more than linear time, or grows too large.
pub fn check(text: &str) -> Result<(), PatternError> {
    let built = thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(MAX_BYTES)))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(text);
    built
        .map(|_| ())
        .map_err(|error| PatternError(Box::new(error)))
}

impl PatternError {
    /// What is wrong, in a line.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        match self.is_of_size() {
            true => "this regular expression is too large",
            false => "this is not a regular expression that can be used",
        }
    }

    /// What exactly.
    #[must_use]
    pub fn reason(&self) -> String {
        if self.is_of_size() {
            return "needs too much memory".to_owned();
        }
        let source = self.0.source().map(ToString::to_string);
        let source = source.unwrap_or_else(|| self.0.to_string());
        // The last line of a syntax error says what is wrong; the lines before it draw the place.
        let last = source.lines().last().unwrap_or_default();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.is_of_size() {
            true => "say it with fewer repetitions of repetitions",
            false => {
                "expressions are those of the `regex` crate without Unicode classes: no look-around, no back-references"
            }
        }
    }

    fn is_of_size(&self) -> bool {
        self.0.size_limit().is_some()
    }
}
