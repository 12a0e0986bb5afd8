//! Conditions on requests.

use polc_diagnostics::{Code, suggest};
use polc_model::{CaptureKind, HttpCondition, HttpField, HttpTest, PathSegment};
use polc_syntax::ast::{self, Name};

use crate::{
    lower::{dns, pattern},
    sink::Sink,
};

/// A condition on a request whose path has these captures.
pub(super) fn condition(
    condition: &ast::HttpCondition,
    captures: &[PathSegment],
    sink: &mut Sink,
) -> Option<HttpCondition> {
    let test = match &condition.test {
        None => HttpTest::Present,
        Some(ast::HttpTest::Equals(value)) => HttpTest::Equals(value.text.clone()),
        Some(ast::HttpTest::Matches(value)) => HttpTest::Matches(pattern::lower(value, sink)?),
    };
    let field = match condition.field.as_ref()? {
        ast::HttpField::Header(name) => HttpField::Header(header(name, sink)?),
        ast::HttpField::Query(name) => HttpField::Query(name.text.clone()),
        ast::HttpField::Host => return host(condition, test, sink),
        ast::HttpField::Capture(name) if is_part(name, captures) => {
            return part(name, condition, test, sink);
        }
        ast::HttpField::Capture(name) => {
            capture(name, condition, captures, sink)?;
            HttpField::Capture(name.text.clone())
        }
    };
    Some(HttpCondition { field, test })
}

fn host(condition: &ast::HttpCondition, test: HttpTest, sink: &mut Sink) -> Option<HttpCondition> {
    let test = match (test, &condition.test) {
        (HttpTest::Equals(_), Some(ast::HttpTest::Equals(value))) => {
            HttpTest::Equals(dns::name(value, sink)?)
        }
        (HttpTest::Present, _) => {
            sink.report(
                Code::InvalidRequest,
                "every request has a host",
                condition.span,
                "expected `=` or `~` and the host",
                |_, diagnostic| diagnostic.with_help("write `host = \"cart.example.com\"`"),
            );
            return None;
        }
        (test, _) => test,
    };
    Some(HttpCondition {
        field: HttpField::Host,
        test,
    })
}

/// Whether a name is one of a part of every request, and not of a capture.
fn is_part(name: &Name, captures: &[PathSegment]) -> bool {
    let is_captured = captures
        .iter()
        .any(|segment| matches!(segment, PathSegment::Capture { name: known, .. } if *known == name.text));
    !is_captured && matches!(name.text.as_str(), "method" | "path")
}

/// A condition on the method or on the path as a whole.
fn part(
    name: &Name,
    condition: &ast::HttpCondition,
    test: HttpTest,
    sink: &mut Sink,
) -> Option<HttpCondition> {
    let what = &name.text;
    let field = match what.as_str() {
        "method" => HttpField::Method,
        _ => HttpField::Path,
    };
    if test == HttpTest::Present {
        sink.report(
            Code::InvalidRequest,
            format!("every request has a {what}"),
            condition.span,
            format!("expected `=` or `~` and the {what}"),
            |_, diagnostic| {
                diagnostic
                    .with_help("for any of some, write an expression: `method ~ \"GET|HEAD\"`")
            },
        );
        return None;
    }
    Some(HttpCondition { field, test })
}

/// The name of a header, in lower case.
pub(in crate::lower) fn header(name: &Name, sink: &mut Sink) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_missing() && !name.is_quoted() {
        // Left out, and reported.
        return None;
    }
    if !name.is_missing() && name.text.chars().all(is_token) {
        let lower = name.text.to_ascii_lowercase();
        if lower == "host" {
            sink.report(
                Code::InvalidRequest,
                "the host of a request is not matched as a header",
                name.span,
                "not always a header of its own",
                |_, diagnostic| diagnostic.with_help("write `host = \"…\"`"),
            );
            return None;
        }
        return Some(lower);
    }
    sink.report(
        Code::InvalidRequest,
        format!("`{}` is not the name of a header", name.text),
        name.span,
        "expected letters, digits and `-`",
        |_, diagnostic| diagnostic.with_help("write the name alone, such as `\"content-type\"`"),
    );
    None
}

/// Checks a condition on a capture: it is one of the path, and can have such a value.
fn capture(
    name: &Name,
    condition: &ast::HttpCondition,
    captures: &[PathSegment],
    sink: &mut Sink,
) -> Option<()> {
    let known = || {
        captures.iter().filter_map(|segment| match segment {
            PathSegment::Capture { name, kind } => Some((name.as_str(), *kind)),
            _ => None,
        })
    };
    let Some((_, kind)) = known().find(|(known, _)| *known == name.text) else {
        let words = known().map(|(name, _)| name);
        let meant = suggest::closest(&name.text, words.chain(["header", "host", "query"]));
        sink.report(
            Code::UnknownName,
            format!("the path captures no `{}`", name.text),
            name.span,
            "expected `header`, `host`, `query` or a capture of the path",
            |sink, diagnostic| match meant {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant),
                None => diagnostic.with_help(format!(
                    "capture it in the path: `{{{}: string}}`",
                    name.text
                )),
            },
        );
        return None;
    };
    if let Some(ast::HttpTest::Equals(value)) = &condition.test
        && !kind.admits(&value.text)
    {
        let what = match kind {
            CaptureKind::Int => "a number in decimal digits",
            CaptureKind::String => "a segment that is not empty",
        };
        sink.report(
            Code::ImpossibleCapture,
            format!("`{}` can never be `{}`", name.text, value.text),
            value.span,
            format!("`{}` is {what}", name.text),
            |_, diagnostic| {
                diagnostic.with_help(format!(
                    "capture `{{{}: string}}`, or name a value that it can have",
                    name.text
                ))
            },
        );
        return None;
    }
    Some(())
}
