//! Regular expressions on parts of requests: those of [`polc_model::pattern`].

use polc_diagnostics::Code;
use polc_model::pattern;
use polc_syntax::ast::Name;

use crate::sink::Sink;

/// The expression that a text says, checked.
pub(super) fn lower(text: &Name, sink: &mut Sink) -> Option<String> {
    let Err(problem) = pattern::check(&text.text) else {
        return Some(text.text.clone());
    };
    sink.report(
        Code::InvalidPattern,
        problem.headline(),
        text.span,
        problem.reason(),
        |_, diagnostic| diagnostic.with_help(problem.help()),
    );
    None
}
