//! `rules.http`: requests, whose parts are matched by regular expressions.

use polc_diagnostics::Code;
use polc_model::{HttpCondition, HttpField, HttpMatch, HttpTest, L7Match, PathSegment, pattern};

use super::unsupported;
use crate::{
    labels::one_of,
    located::Node,
    reader::{Field, Fields, list, text},
    report::Report,
};

const MISMATCH: [&str; 4] = ["LOG", "ADD", "DELETE", "REPLACE"];

/// Reads the items of `http`, which are not none.
pub(super) fn read(items: &[Node], report: &mut Report) -> Option<L7Match> {
    let requests: Vec<Option<HttpMatch>> = items.iter().map(|item| request(item, report)).collect();
    let mut requests = requests.into_iter().collect::<Option<Vec<HttpMatch>>>()?;
    requests.sort();
    requests.dedup();
    Some(L7Match::Http(requests))
}

fn request(node: &Node, report: &mut Report) -> Option<HttpMatch> {
    let known = ["method", "path", "host", "headers", "headerMatches"];
    let fields = Fields::of(node, "an item of `http`", &known, report)?;
    let mut conditions = Some(Vec::new());
    let mut add = |more: Option<Vec<HttpCondition>>| match (more, &mut conditions) {
        (Some(more), Some(conditions)) => conditions.extend(more),
        _ => conditions = None,
    };
    let mut method = None;
    let mut path = vec![PathSegment::Rest];
    if let Some(field) = fields.get("method") {
        match expression(field, "`method`", report) {
            Some(Expression::Literal(word)) if is_method(&word) => method = Some(word),
            other => add(other.map(|other| other.on(HttpField::Method))),
        }
    }
    if let Some(field) = fields.get("path") {
        match expression(field, "`path`", report) {
            Some(Expression::Literal(text)) if segments(&text).is_some() => {
                path = segments(&text).unwrap_or_default();
            }
            other => add(other.map(|other| other.on(HttpField::Path))),
        }
    }
    if let Some(field) = fields.get("host") {
        let host = expression(field, "`host`", report);
        add(host.map(|host| host.on(HttpField::Host)));
    }
    if let Some(field) = fields.get("headers") {
        add(headers(field, report));
    }
    if let Some(field) = fields.get("headerMatches") {
        add(header_matches(field, report));
    }
    let mut conditions = conditions?;
    conditions.sort();
    conditions.dedup();
    Some(HttpMatch {
        method,
        path,
        conditions,
    })
}

/// What a part of a request is compared with.
enum Expression {
    /// Nothing: the text is empty.
    Anything,
    /// This text alone.
    Literal(String),
    /// What this matches as a whole.
    Pattern(String),
}

impl Expression {
    fn on(self, field: HttpField) -> Vec<HttpCondition> {
        let test = match self {
            Self::Anything => return Vec::new(),
            Self::Literal(text) => HttpTest::Equals(text),
            Self::Pattern(pattern) => HttpTest::Matches(pattern),
        };
        vec![HttpCondition { field, test }]
    }
}

fn expression(field: Field<'_>, what: &str, report: &mut Report) -> Option<Expression> {
    let written = text(field.value, what, report)?;
    if written.is_empty() {
        return Some(Expression::Anything);
    }
    if let Err(problem) = pattern::check(written) {
        report.add(
            Code::InvalidPattern,
            problem.headline(),
            field.value.span,
            problem.reason(),
            |_, one| one.with_help(problem.help()),
        );
        return None;
    }
    Some(match literal(written) {
        Some(text) => Expression::Literal(text),
        None => Expression::Pattern(written.to_owned()),
    })
}

/// The one text that an expression matches, if that is plain to see.
fn literal(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_~%:@!,;=&'\" ".contains(c);
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => text.push(characters.next().filter(char::is_ascii_punctuation)?),
            c if is_plain(c) => text.push(c),
            _ => return None,
        }
    }
    Some(text)
}

fn is_method(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase())
}

/// The segments of a path that has them. One that ends in `/` is compared as a whole.
fn segments(path: &str) -> Option<Vec<PathSegment>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments = path.split('/');
    segments
        .map(|segment| (!segment.is_empty()).then(|| PathSegment::Literal(segment.to_owned())))
        .collect()
}

/// `headers`: names, or `name: value`.
fn headers(field: Field<'_>, report: &mut Report) -> Option<Vec<HttpCondition>> {
    let items = list(field.value, "`headers`", report)?;
    let conditions = items.iter().map(|item| {
        let written = text(item, "an item of `headers`", report)?;
        let (name, value) = match written.split_once(' ') {
            Some((name, value)) => (name, Some(value.trim_start())),
            None => (written, None),
        };
        header(name.trim_end_matches(':'), value, item, report)
    });
    let conditions: Vec<Option<HttpCondition>> = conditions.collect();
    conditions.into_iter().collect()
}

/// `headerMatches`: names, with a value or without.
fn header_matches(field: Field<'_>, report: &mut Report) -> Option<Vec<HttpCondition>> {
    let items = list(field.value, "`headerMatches`", report)?;
    let conditions: Vec<Option<HttpCondition>> = items
        .iter()
        .map(|item| header_match(item, report))
        .collect();
    conditions.into_iter().collect()
}

fn header_match(node: &Node, report: &mut Report) -> Option<HttpCondition> {
    let what = "an item of `headerMatches`";
    let known = ["name", "value", "mismatch", "secret"];
    let fields = Fields::of(node, what, &known, report)?;
    let name = fields.required("name", what, report)?;
    let value = match fields.get("value") {
        Some(field) => Some(text(field.value, "`value`", report)?).filter(|text| !text.is_empty()),
        None => None,
    };
    let mut is_supported = true;
    if let Some(field) = fields.get("mismatch") {
        let word = text(field.value, "`mismatch`", report)?;
        if MISMATCH.contains(&word) {
            let what = format!("`mismatch: {word}`");
            unsupported(&what, field.key, report);
        } else {
            one_of(word, field.value.span, "mismatch action", &MISMATCH, report);
        }
        is_supported = false;
    }
    if let Some(field) = fields.get("secret") {
        unsupported("`secret`", field.key, report);
        is_supported = false;
    }
    let name_text = text(name.value, "`name`", report)?;
    let condition = header(name_text, value, name.value, report);
    condition.filter(|_| is_supported)
}

/// A condition on a header. That on `host` is one on the host.
fn header(
    name: &str,
    value: Option<&str>,
    node: &Node,
    report: &mut Report,
) -> Option<HttpCondition> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        report.add(
            Code::InvalidRequest,
            format!("`{name}` is not the name of a header"),
            node.span,
            "expected letters, digits and `-`",
            |_, one| one.with_help("a value stands after `: `, as in `\"X-Token: 42\"`"),
        );
        return None;
    }
    let name = name.to_ascii_lowercase();
    let test = value.map_or(HttpTest::Present, |value| {
        HttpTest::Equals(value.to_owned())
    });
    if name != "host" {
        let field = HttpField::Header(name);
        return Some(HttpCondition { field, test });
    }
    let HttpTest::Equals(host) = test else {
        let label = "expected a value";
        report.add(
            Code::InvalidRequest,
            "every request has a host",
            node.span,
            label,
            |_, one| one,
        );
        return None;
    };
    Some(HttpCondition {
        field: HttpField::Host,
        test: HttpTest::Equals(host.to_ascii_lowercase()),
    })
}
