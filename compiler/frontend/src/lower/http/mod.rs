//! Requests: what rules match above TCP.

mod condition;

pub(super) use condition::header;

use polc_diagnostics::{Code, suggest};
use polc_model::{HttpCondition, HttpMatch};
use polc_syntax::ast::{HttpExpr, HttpTerm, Name, Request};

use super::{Scope, names, path};
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
        .map(|one| condition::condition(one, captures, sink))
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
