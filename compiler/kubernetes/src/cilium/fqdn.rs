//! Names and patterns of names, of `toFQDNs`, DNS queries and TLS servers.

use polc_diagnostics::Code;
use polc_model::SelectorExpr;

use crate::{
    located::Node,
    reader::{Fields, missing, text},
    report::Report,
};

/// An item of `toFQDNs`.
pub(super) fn peer(node: &Node, what: &str, report: &mut Report) -> Option<SelectorExpr> {
    matched(node, what, report).map(SelectorExpr::Dns)
}

/// A name or a pattern, from a mapping with `matchName` or `matchPattern`.
pub(super) fn matched(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    let fields = Fields::of(node, what, &["matchName", "matchPattern"], report)?;
    match (fields.get("matchName"), fields.get("matchPattern")) {
        (Some(name), Some(pattern)) => {
            report.add(
                Code::ExclusiveFields,
                "`matchName` and `matchPattern` do not stand in one item",
                pattern.key,
                "a pattern here",
                |report, one| {
                    one.with_label(report.place(name.key), "and a name here")
                        .with_help("make them two items")
                },
            );
            None
        }
        (Some(field), None) => {
            let written = text(field.value, "`matchName`", report)?;
            name(written, field.value, report)
        }
        (None, Some(field)) => {
            let written = text(field.value, "`matchPattern`", report)?;
            pattern(written, field.value, report)
        }
        (None, None) => {
            let headline = format!("{what} needs `matchName` or `matchPattern`");
            missing(&headline, node.span, report);
            None
        }
    }
}

/// A name, in lower case and without a final dot.
fn name(written: &str, node: &Node, report: &mut Report) -> Option<String> {
    let found = normal(written);
    if is_name(&found, |_| false) {
        return Some(found);
    }
    refuse(written, "name", node, report)
}

/// A pattern as a Model has it. `*` alone stands for every name.
pub(super) fn pattern(written: &str, node: &Node, report: &mut Report) -> Option<String> {
    let found = normal(written);
    if found == "*" {
        return Some("**".to_owned());
    }
    let rest = found.strip_prefix("**.").unwrap_or(&found);
    if is_name(rest, |c| c == '*') && !rest.contains("**") {
        return Some(found);
    }
    refuse(written, "pattern of names", node, report)
}

fn normal(written: &str) -> String {
    let name = written.strip_suffix('.').unwrap_or(written);
    name.to_ascii_lowercase()
}

fn is_name(text: &str, also: impl Fn(char) -> bool) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || also(c);
    text.len() <= 253
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63 && label.chars().all(is_allowed))
}

fn refuse(written: &str, what: &str, node: &Node, report: &mut Report) -> Option<String> {
    report.add(
        Code::InvalidDnsName,
        format!("`{written}` is not a DNS {what}"),
        node.span,
        "expected letters, digits, `-` and `_`, with dots between",
        |_, one| match what {
            "name" if written.contains('*') => one.with_help(format!(
                "for a pattern, write `matchPattern: \"{written}\"`"
            )),
            "name" => one,
            _ => one.with_help("`*` stands for any part of a label, and alone for every name"),
        },
    );
    None
}
