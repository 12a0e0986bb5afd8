//! Numbers in their ranges.

use std::{fmt::Display, str::FromStr};

use polc_diagnostics::Code;
use polc_syntax::ast::Name;

use crate::sink::Sink;

/// The number that a text of digits says. `None`, reported, when `T` cannot hold it; `None` without
/// a word when the source leaves it out, which the parser has reported.
pub(super) fn parse<T: FromStr>(
    text: &Name,
    what: &str,
    greatest: impl Display,
    sink: &mut Sink,
) -> Option<T> {
    if text.is_missing() {
        return None;
    }
    let number = text.text.parse().ok();
    if number.is_none() {
        sink.report(
            Code::InvalidNumber,
            format!("`{}` is not {what}", text.text),
            text.span,
            format!("expected a number from 0 to {greatest}"),
            |_, diagnostic| diagnostic,
        );
    }
    number
}
