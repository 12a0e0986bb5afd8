//! Policies and diagnostics as short lines.

use std::fmt::Write;

use polc_diagnostics::{Code, Diagnostic, Severity};
use polc_kubernetes::{File, Policy, Rule};
use polc_model::{Isolation, L4Match, L7Match, LabelOperator, SelectorExpr};

/// Every policy: its name, what it applies to, and a line for each rule.
pub(crate) fn model(file: &File, out: &mut String) {
    for policy in &file.policies {
        policy_lines(policy, out);
    }
}

fn policy_lines(policy: &Policy, out: &mut String) {
    let (tier, priority) = (policy.tier.name(), policy.priority);
    writeln!(out, "{}: {tier} {priority}", policy.name).unwrap();
    writeln!(out, "  for {}", selector(&policy.subject.expr)).unwrap();
    for (direction, isolation) in [("ingress", policy.ingress), ("egress", policy.egress)] {
        let word = match isolation {
            Some(Isolation::Isolates) => "isolated",
            Some(Isolation::DefaultAllow) => "open",
            None => continue,
        };
        writeln!(out, "  {direction} {word}").unwrap();
    }
    for rule in &policy.rules {
        writeln!(out, "  {}", rule_line(rule)).unwrap();
    }
}

fn rule_line(rule: &Rule) -> String {
    let action = format!("{:?}", rule.action).to_lowercase();
    let peer = selector(&rule.peer.expr);
    let mut line = format!("{action} {} {peer}", rule.direction);
    match &rule.l4 {
        L4Match::Any => {}
        L4Match::Of(terms) => {
            let terms: Vec<String> = terms.iter().map(ToString::to_string).collect();
            write!(line, " on {}", terms.join(" | ")).unwrap();
        }
    }
    match &rule.l7 {
        None => {}
        Some(L7Match::Http(requests)) => {
            let requests: Vec<String> = requests.iter().map(ToString::to_string).collect();
            write!(line, " only {{ {} }}", requests.join("; ")).unwrap();
        }
        Some(L7Match::Sni(names)) => write!(line, " sni {}", names.join(" | ")).unwrap(),
        Some(L7Match::Dns(names)) => write!(line, " dns {}", names.join(" | ")).unwrap(),
    }
    line
}

/// An expression in the words of the language, as far as it has them.
pub(crate) fn selector(expr: &SelectorExpr) -> String {
    match expr {
        SelectorExpr::Entity(entity) => entity.name().to_owned(),
        SelectorExpr::Label { key, operator } => label(key, operator),
        SelectorExpr::Namespace(name) => format!("namespace {name}"),
        SelectorExpr::NamespaceLabel { key, operator } => {
            format!("namespace {{{}}}", label(key, operator))
        }
        SelectorExpr::NodeLabel { key, operator } => format!("node {{{}}}", label(key, operator)),
        SelectorExpr::Cidr(block) => block.to_string(),
        SelectorExpr::Dns(name) => format!("dns {name}"),
        SelectorExpr::AnyOf(parts) => joined(parts, " | "),
        SelectorExpr::AllOf(parts) => joined(parts, " & "),
        SelectorExpr::Minus(base, except) => {
            format!("({} - {})", selector(base), selector(except))
        }
    }
}

fn joined(parts: &[SelectorExpr], with: &str) -> String {
    let parts: Vec<String> = parts.iter().map(selector).collect();
    format!("({})", parts.join(with))
}

fn label(key: &str, operator: &LabelOperator) -> String {
    match operator {
        LabelOperator::In(values) => format!("{key}={}", values.join(",")),
        LabelOperator::NotIn(values) => format!("{key}!={}", values.join(",")),
        LabelOperator::Exists => key.to_owned(),
        LabelOperator::Absent => format!("!{key}"),
    }
}

/// `P1002 4:3 error: the headline`, for each diagnostic. Columns count characters.
pub(crate) fn diagnostics(text: &str, found: &[Diagnostic], out: &mut String) {
    for one in found {
        let start = one.primary.place.range.start as usize;
        let before = text.get(..start).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let severity = one.severity.name();
        let (code, headline) = (one.code, &one.headline);
        writeln!(out, "{code} {line}:{column} {severity}: {headline}").unwrap();
    }
}

/// Whether one of them is an error that `--permissive` does not make a warning.
pub(crate) fn has_errors(found: &[Diagnostic]) -> bool {
    found
        .iter()
        .any(|one| one.severity == Severity::Error && one.code != Code::Unsupported)
}
