//! Typed access to located values. What has another type than is asked for is reported once, and
//! read as if it were not there.

use polc_diagnostics::{Code, Severity, suggest};

use crate::{
    located::{Node, Scalar, Span, Value},
    report::Report,
};

/// The fields of an object. Fields without a value are not there, as for the API server.
#[derive(Debug)]
pub struct Fields<'a> {
    /// The object's place.
    pub span: Span,
    entries: Vec<(&'a str, Span, &'a Node)>,
}

/// A field with its key's place.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Where the key is.
    pub key: Span,
    /// What it has.
    pub value: &'a Node,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping, which may have those in `known` and no others. `what` is the name of
    /// the field or object that has them.
    pub fn of(node: &'a Node, what: &str, known: &[&str], report: &mut Report) -> Option<Self> {
        let fields = Self::any(node, what, report)?;
        for (name, span, _) in &fields.entries {
            if !known.contains(name) {
                unknown(name, *span, what, known, Severity::Error, report);
            }
        }
        Some(fields)
    }

    /// As [`Self::of`], of a mapping that is not about policy: fields that it does not have change
    /// nothing, and are warned of, unless one of its own is meant.
    pub fn of_others(
        node: &'a Node,
        what: &str,
        known: &[&str],
        report: &mut Report,
    ) -> Option<Self> {
        let fields = Self::any(node, what, report)?;
        for (name, span, _) in &fields.entries {
            if !known.contains(name) {
                let severity = match suggest::closest(name, known.iter().copied()) {
                    Some(_) => Severity::Error,
                    None => Severity::Warning,
                };
                unknown(name, *span, what, known, severity, report);
            }
        }
        Some(fields)
    }

    /// The entries of a mapping with keys of any name.
    pub fn any(node: &'a Node, what: &str, report: &mut Report) -> Option<Self> {
        let mut fields = Self {
            span: node.span,
            entries: Vec::new(),
        };
        if node.is_null() {
            return Some(fields);
        }
        let Some(entries) = node.entries() else {
            wrong_type(node, what, "a mapping", report);
            return None;
        };
        for (key, value) in entries {
            let Some(name) = key.text() else {
                wrong_type(key, "a key", "text", report);
                continue;
            };
            let before = fields.entries.iter().find(|(other, ..)| *other == name);
            if let Some((_, first, _)) = before {
                repeated(name, key.span, *first, report);
                continue;
            }
            fields.entries.push((name, key.span, value));
        }
        Some(fields)
    }

    /// The field of this name, if it has a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        let found = self.entries.iter().find(|(other, ..)| *other == name);
        let &(_, key, value) = found?;
        (!value.is_null()).then_some(Field { key, value })
    }

    /// Every entry: name, place of the key, value.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, Span, &'a Node)> + '_ {
        self.entries.iter().copied()
    }

    /// The field of this name; it is reported where it is not there.
    pub fn required(&self, name: &str, what: &str, report: &mut Report) -> Option<Field<'a>> {
        let field = self.get(name);
        if field.is_none() {
            missing(&format!("{what} needs `{name}`"), self.span, report);
        }
        field
    }

    /// The one of these fields that is there; none and several are reported.
    pub fn exactly_one<'n>(
        &self,
        what: &str,
        names: &[&'n str],
        report: &mut Report,
    ) -> Option<(&'n str, Field<'a>)> {
        let found = names
            .iter()
            .filter_map(|name| self.get(name).map(|field| (*name, field)));
        let found: Vec<(&str, Field<'_>)> = found.collect();
        match found.as_slice() {
            [one] => Some(*one),
            [(first, one), (second, other), ..] => {
                report.add(
                    Code::ExclusiveFields,
                    format!("{what} has `{first}` and `{second}`"),
                    other.key,
                    "one of them too many",
                    |report, diagnostic| {
                        diagnostic
                            .with_label(report.place(one.key), "the other")
                            .with_help("make two items of it, or leave out one")
                    },
                );
                None
            }
            // An unknown field may be the one that was meant, and is reported already.
            [] if self.entries.iter().any(|(name, ..)| !names.contains(name)) => None,
            [] => {
                let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let (last, others) = list.split_last()?;
                let headline = match others {
                    [] => format!("{what} needs {last}"),
                    _ => format!("{what} needs {} or {last}", others.join(", ")),
                };
                missing(&headline, self.span, report);
                None
            }
        }
    }
}

/// Reports an object in which something is missing, at its first line.
pub fn missing(headline: &str, span: Span, report: &mut Report) {
    report.add(
        Code::MissingField,
        headline,
        span,
        "not in here",
        |_, one| one,
    );
}

/// The items of a list. `None` where it is none, which is reported.
pub fn list<'a>(node: &'a Node, what: &str, report: &mut Report) -> Option<&'a [Node]> {
    if let Value::Sequence(items) = &node.value {
        return Some(items);
    }
    if node.is_null() {
        return Some(&[]);
    }
    wrong_type(node, what, "a list", report);
    None
}

/// A text. What YAML takes for something else has to be in quotes.
pub fn text<'a>(node: &'a Node, what: &str, report: &mut Report) -> Option<&'a str> {
    if let Some(Scalar::Text(text)) = node.scalar() {
        return Some(text);
    }
    let Some(Scalar::Bool | Scalar::Number(_)) = node.scalar() else {
        wrong_type(node, what, "text", report);
        return None;
    };
    let written = node.text().unwrap_or_default();
    let is = node.described();
    report.add(
        Code::WrongValue,
        format!("{what} is text, and `{written}` is {is}"),
        node.span,
        "expected text in quotes",
        |report, diagnostic| {
            diagnostic
                .with_help(format!("write `\"{written}\"`"))
                .with_fix(report.place(node.span), format!("\"{written}\""))
        },
    );
    None
}

/// A truth value.
pub(crate) fn truth(node: &Node, what: &str, report: &mut Report) -> Option<bool> {
    let word = node.text().unwrap_or_default().to_ascii_lowercase();
    if node.scalar() == Some(Scalar::Bool) {
        return Some(matches!(word.as_str(), "true" | "yes" | "on"));
    }
    wrong_type(node, what, "`true` or `false`", report);
    None
}

/// Reports a value of another type.
pub fn wrong_type(node: &Node, what: &str, expected: &str, report: &mut Report) {
    report.add(
        Code::WrongValue,
        format!("{what} is {expected}, not {}", node.described()),
        node.span,
        format!("expected {expected}"),
        |_, one| match is_template(node) {
            true => one.with_help(RENDER_FIRST),
            false => one,
        },
    );
}

/// What to do about a template.
pub const RENDER_FIRST: &str = "templates are rendered first: `helm template … | polc check -`";

/// Whether a value is what YAML makes of `{{ … }}`: a mapping with a mapping as its key.
fn is_template(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(entries)
        if entries.iter().any(|(key, _)| matches!(key.value, Value::Mapping(_))))
}

fn unknown(
    name: &str,
    span: Span,
    what: &str,
    known: &[&str],
    severity: Severity,
    report: &mut Report,
) {
    report.add(
        Code::UnknownField,
        format!("{what} has no field `{name}`"),
        span,
        "unknown field",
        |report, mut diagnostic| {
            diagnostic.severity = severity;
            match suggest::closest(name, known.iter().copied()) {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(report.place(span), meant),
                None => {
                    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                    diagnostic.with_help(format!("its fields are {}", list.join(", ")))
                }
            }
        },
    );
}

fn repeated(name: &str, span: Span, first: Span, report: &mut Report) {
    report.add(
        Code::RepeatedKey,
        format!("the key `{name}` occurs twice"),
        span,
        "again here",
        |report, diagnostic| {
            diagnostic
                .with_label(report.place(first), "first here")
                .with_help("keep one of them: readers of YAML differ in which one they take")
        },
    );
}

/// Reports a range of ports whose last is before its first; each with its field.
pub fn backwards(
    (first, start): (u16, Field<'_>),
    (last, end): (u16, Field<'_>),
    report: &mut Report,
) {
    report.add(
        Code::BackwardsRange,
        format!("the range {first} to {last} ends before it starts"),
        end.value.span,
        "the last port",
        |report, one| {
            one.with_label(report.place(start.value.span), "the first port")
                .with_help(format!(
                    "for these ports, begin with {last} and end with {first}"
                ))
        },
    );
}
