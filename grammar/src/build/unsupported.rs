//! Parts of the language that this version refuses by name, so that nothing is silently dropped.

use pest::iterators::Pair;

use super::Rule;
use crate::{Span, SyntaxError, SyntaxErrorKind};

fn refuse(what: &str, place: Span, label: &str) -> SyntaxError {
    SyntaxError::new(
        SyntaxErrorKind::Unsupported,
        format!("{what} is not supported yet"),
        place,
        label,
    )
}

/// `use`, `http`, `service` and so on.
pub(super) fn item(word: &str, place: Span) -> SyntaxError {
    let error = refuse(&format!("`{word}`"), place, "this item is left out");
    match word {
        "dns" => error.with_help("write the addresses as a `cidr` item"),
        "assert" => error.with_help("write the flows that matter as a `test` item"),
        "use" => error.with_help("define what you need in this package"),
        _ => error,
    }
}

pub(super) fn path(path: &str, place: Span) -> SyntaxError {
    refuse(&format!("`{path}`"), place, "a name of another package")
        .with_help("define the peers in this package")
}

pub(super) fn namespace(pair: &Pair<'_, Rule>, place: Span) -> SyntaxError {
    let text = pair
        .clone()
        .into_inner()
        .find(|inner| matches!(inner.as_rule(), Rule::string | Rule::unclosed_string));
    match text {
        Some(text) => {
            let name = text.as_str().trim_end();
            SyntaxError::new(
                SyntaxErrorKind::Unexpected,
                "a namespace narrows a set of endpoints",
                place,
                "expected the endpoints first",
            )
            .with_help(format!(
                "every endpoint of the namespace is `{{}} in namespace {name}`"
            ))
            .with_fix(place, format!("{{}} in namespace {name}"))
        }
        None => refuse(
            "selecting namespaces by label",
            place,
            "labels of namespaces",
        )
        .with_help("name the namespace: `{} in namespace \"shop\"`"),
    }
}

pub(super) fn named_port(name: &str, place: Span) -> SyntaxError {
    refuse("a port by name", place, "expected a port number").with_help(format!(
        "write the number of `{name}`, or define `ports {name} = tcp …` and use it without the protocol"
    ))
}

/// What may one day follow a rule or the packet of a check.
pub(super) fn clause(parent: Rule, word: &str, place: Span) -> Option<SyntaxError> {
    let http = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
    ];
    match parent {
        Rule::rule_statement if matches!(word, "only" | "sni" | "when") => {
            Some(refuse(&format!("`{word}`"), place, "matches above L4"))
        }
        Rule::rule_statement | Rule::check if http.contains(&word) => {
            Some(refuse("matching HTTP requests", place, "a request"))
        }
        _ => None,
    }
}
