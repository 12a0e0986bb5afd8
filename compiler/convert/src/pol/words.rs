//! Names for what had none.

use std::collections::BTreeSet;

/// Words that mean something where a name would stand.
const TAKEN: [&str; 44] = [
    "all",
    "allow",
    "any",
    "apply",
    "assert",
    "at",
    "audit",
    "by",
    "cidr",
    "cluster",
    "default",
    "deny",
    "dns",
    "egress",
    "endpoint",
    "endpoints",
    "entity",
    "for",
    "from",
    "given",
    "health",
    "host",
    "http",
    "in",
    "ingress",
    "init",
    "is",
    "kube_apiserver",
    "none",
    "on",
    "only",
    "package",
    "pass",
    "policy",
    "ports",
    "reject",
    "remote_node",
    "service",
    "sni",
    "template",
    "to",
    "unmanaged",
    "use",
    "world",
];

/// The names that a file gives, each once.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The wished name, or one that begins like it.
    pub(super) fn give(&mut self, wished: &str) -> String {
        let wished = word(wished, "set");
        let mut name = wished.clone();
        let mut number = 2;
        while TAKEN.contains(&name.as_str()) || !self.0.insert(name.clone()) {
            name = format!("{wished}_{number}");
            number += 1;
        }
        name
    }
}

/// A word made of a text: lower case, letters, digits and `_`. `otherwise` where nothing is left.
pub(super) fn word(text: &str, otherwise: &str) -> String {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c.to_ascii_lowercase());
        } else if !word.is_empty() && !word.ends_with('_') {
            word.push('_');
        }
    }
    let word = word.trim_end_matches('_');
    match word.chars().next() {
        None => otherwise.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{otherwise}_{word}"),
        Some(_) => word.to_owned(),
    }
}
