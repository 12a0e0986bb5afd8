//! Requests: what rules match above TCP.

use polc_diagnostics::{Code, suggest};
use polc_model::{CaptureKind, HttpCondition, HttpField, HttpMatch, HttpTest, PathSegment};
use polc_syntax::ast::{self, HttpExpr, HttpTerm, Name, Request};

use super::{Scope, dns, names, path, pattern};
use crate::{
    sink::Sink,
    types::{Kind, Value},
};

/// Methods that have a meaning of their own in the standards. Others may exist.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// Lowers an expression and checks it. `None` when a part was not understood.
pub(crate) fn lower(expr: &HttpExpr, scope: &dyn Scope, sink: &mut Sink) -> Option<Vec<HttpMatch>> {
    let mut all = Vec::new();
    let mut is_broken = false;
    for term in &expr.terms {
        match lower_term(term, scope, sink) {
            Some(matches) => all.extend(matches),
            None => is_broken = true,
        }
    }
    if is_broken {
        return None;
    }
    all.sort();
    all.dedup();
    Some(all)
}

fn lower_term(term: &HttpTerm, scope: &dyn Scope, sink: &mut Sink) -> Option<Vec<HttpMatch>> {
    match term {
        HttpTerm::Name(name) => named(name, scope, sink),
        HttpTerm::Missing(_) => None,
        HttpTerm::Requests(requests, span) => {
            if requests.is_empty() {
                sink.report(
                    Code::EmptySet,
                    "these requests are none at all",
                    *span,
                    "contains no request",
                    |_, diagnostic| {
                        diagnostic.with_help(
                            "name a request, such as `GET /healthz`; `* /**` is every request",
                        )
                    },
                );
                return None;
            }
            let lowered: Vec<Option<HttpMatch>> = requests
                .iter()
                .map(|request| lower_request(request, sink))
                .collect();
            lowered.into_iter().collect()
        }
    }
}

fn named(name: &Name, scope: &dyn Scope, sink: &mut Sink) -> Option<Vec<HttpMatch>> {
    let Some(definition) = scope.definition(&name.text) else {
        names::unknown(
            name,
            "requests",
            |kind| kind == Kind::Http,
            &[],
            scope,
            sink,
            |name| format!("define them: `http {name} {{ GET /healthz }}`"),
        );
        return None;
    };
    match &definition.value {
        Some(Value::Http(matches)) => Some(matches.clone()),
        _ if definition.kind == Kind::Http => None,
        _ => {
            names::wrong_type(name, definition.kind, "requests", scope, sink);
            None
        }
    }
}

fn lower_request(request: &Request, sink: &mut Sink) -> Option<HttpMatch> {
    let method = match request.method.text.as_str() {
        "*" => Some(None),
        _ => method(&request.method, sink).map(Some),
    };
    let segments = request
        .path
        .as_ref()
        .and_then(|path| path::lower(path, sink));
    let captures = segments.as_deref().unwrap_or_default();
    let conditions: Vec<Option<HttpCondition>> = request
        .conditions
        .iter()
        .map(|one| condition(one, captures, sink))
        .collect();
    let mut conditions: Vec<HttpCondition> = conditions.into_iter().collect::<Option<_>>()?;
    conditions.sort();
    conditions.dedup();
    Some(HttpMatch {
        method: method?,
        path: segments?,
        conditions,
    })
}

/// The method of this name. Unknown ones exist; slips of the keyboard are errors.
pub(super) fn method(name: &Name, sink: &mut Sink) -> Option<String> {
    if METHODS.contains(&name.text.as_str()) {
        return Some(name.text.clone());
    }
    let upper = name.text.to_ascii_uppercase();
    let meant = if METHODS.contains(&upper.as_str()) || upper != name.text {
        Some(upper.as_str())
    } else {
        suggest::closest(&name.text, METHODS)
    };
    let Some(meant) = meant else {
        return Some(name.text.clone());
    };
    sink.report(
        Code::InvalidRequest,
        format!("`{}` is not a method", name.text),
        name.span,
        "methods are in upper case, such as `GET`",
        |sink, diagnostic| {
            diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(sink.place(name.span), meant)
        },
    );
    None
}

fn condition(
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

/// The name of a header, in lower case.
pub(super) fn header(name: &Name, sink: &mut Sink) -> Option<String> {
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
