//! DNS names, and patterns of them.

use polc_diagnostics::Code;
use polc_syntax::ast::Name;

use crate::sink::Sink;

/// The name or pattern that a text says, in lower case and without a final dot.
pub(super) fn pattern(text: &Name, sink: &mut Sink) -> Option<String> {
    if text.text == "**" {
        return Some(text.text.clone());
    }
    check(
        text,
        text.text.strip_prefix("**.").unwrap_or(&text.text),
        Wildcards::Allowed,
        sink,
    )?;
    Some(normal(&text.text))
}

/// The one name that a text says.
pub(super) fn name(text: &Name, sink: &mut Sink) -> Option<String> {
    check(text, &text.text, Wildcards::Refused, sink)?;
    Some(normal(&text.text))
}

fn normal(text: &str) -> String {
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

/// Whether `*` may stand for a part of a label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wildcards {
    Allowed,
    Refused,
}

fn check(text: &Name, labels: &str, wildcards: Wildcards, sink: &mut Sink) -> Option<()> {
    let Some(problem) = problem(labels, wildcards) else {
        return Some(());
    };
    sink.report(
        Code::InvalidDnsName,
        format!("`{}` is not a DNS name", text.text),
        text.span,
        problem,
        |_, diagnostic| {
            diagnostic.with_help("write a name such as `api.example.com`; in a pattern, `*` stands for any part of a label, and a first label `**` for any labels")
        },
    );
    None
}

/// The first thing that keeps a text from being a DNS name.
fn problem(text: &str, wildcards: Wildcards) -> Option<String> {
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.len() > 253 {
        return Some("a DNS name has at most 253 characters".to_owned());
    }
    labels.split('.').find_map(|label| {
        let is_wildcard = |c: char| c == '*' && wildcards == Wildcards::Allowed;
        let is_allowed =
            |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || is_wildcard(c);
        if label.is_empty() {
            Some("a label between dots is empty".to_owned())
        } else if label.contains("**") {
            Some("`**` stands only for the first labels of a pattern".to_owned())
        } else if label.contains('*') && wildcards == Wildcards::Refused {
            Some("`*` stands only in patterns".to_owned())
        } else if let Some(other) = label.chars().find(|c| !is_allowed(*c)) {
            Some(format!("a label has no `{other}`"))
        } else if label.len() > 63 {
            Some("a label has at most 63 characters".to_owned())
        } else if label.starts_with('-') || label.ends_with('-') {
            Some(format!("the label `{label}` begins or ends with `-`"))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Wildcards, problem};

    #[test]
    fn names_have_labels() {
        for good in ["a", "api.example.com", "example.com.", "_dmarc.x-y.org"] {
            assert_eq!(problem(good, Wildcards::Refused), None, "{good}");
        }
        for bad in ["", ".", "a..b", "a b", "é", "-a.b", "a.*.b", "*"] {
            assert!(problem(bad, Wildcards::Refused).is_some(), "{bad}");
        }
        for pattern in ["*", "*.a", "a.b*c.d"] {
            assert_eq!(problem(pattern, Wildcards::Allowed), None, "{pattern}");
        }
        assert!(problem("a.**", Wildcards::Allowed).is_some());
    }
}
