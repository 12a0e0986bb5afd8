//! Regular expressions on parts of requests.
//!
//! They are over bytes, without look-around and back-references, so that matching takes time linear
//! in the text, and they match a value as a whole.

use polc_diagnostics::Code;
use polc_syntax::ast::Name;
use regex_automata::{nfa::thompson, util::syntax};

use crate::sink::Sink;

/// More than any sensible expression needs; repetitions of repetitions grow past it.
const MAX_BYTES: usize = 1 << 18;

/// The expression that a text says, checked.
pub(super) fn lower(text: &Name, sink: &mut Sink) -> Option<String> {
    let built = thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(MAX_BYTES)))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(&text.text);
    let Err(error) = built else {
        return Some(text.text.clone());
    };
    let (headline, help) = if error.size_limit().is_some() {
        (
            "this regular expression is too large",
            "say it with fewer repetitions of repetitions",
        )
    } else {
        (
            "this is not a regular expression that can be used",
            "expressions are those of the `regex` crate without Unicode classes: no look-around, no back-references",
        )
    };
    sink.report(
        Code::InvalidPattern,
        headline,
        text.span,
        reason(&error),
        |_, diagnostic| diagnostic.with_help(help),
    );
    None
}

/// The last line of a syntax error says what is wrong; the lines before it draw the place.
fn reason(error: &thompson::BuildError) -> String {
    if error.size_limit().is_some() {
        return "needs too much memory".to_owned();
    }
    let source = std::error::Error::source(error).map(ToString::to_string);
    let source = source.unwrap_or_else(|| error.to_string());
    let last = source.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
