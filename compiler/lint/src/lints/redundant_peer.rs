//! A member of a union that another member already contains.

use polc_diagnostics::{Code, Level};
use polc_logic::Answer;
use polc_model::SelectorExpr;

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "redundant_peer",
    code: Code::RedundantPeer,
    level: Level::Warn,
    check,
};

/// Unions larger than this are lists, and comparing each with each takes long.
const LARGEST: usize = 32;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for rule in context.rules() {
        let SelectorExpr::AnyOf(parts) = rule.peer else {
            continue;
        };
        if parts.len() > LARGEST {
            continue;
        }
        let Some(position) = contained(parts) else {
            continue;
        };
        let which = ordinal(position + 1);
        findings.report(
            format!("the {which} of these peers is part of another one"),
            context.place(&rule.rule.origin),
            "says the same twice",
            |diagnostic| diagnostic.with_help("leave it out"),
        );
    }
}

fn contained(parts: &[SelectorExpr]) -> Option<usize> {
    (0..parts.len()).find(|&narrow| {
        (0..parts.len()).any(|wide| {
            let (Some(one), Some(other)) = (parts.get(narrow), parts.get(wide)) else {
                return false;
            };
            // Of two that are equal the second is the one too many.
            narrow != wide
                && (one != other || wide < narrow)
                && polc_logic::implies(one, other) == Answer::Yes
        })
    })
}

fn ordinal(number: usize) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        _ => format!("{number}th"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn a_block_inside_a_block_is_said_twice() {
        let source = "policy a for {} { ingress {
allow from 10.0.0.0/8 | 10.1.0.0/16 on tcp 80
allow from { app: \"web\" } | { app: \"db\" } on tcp 81
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: the second of these peers is part of another one"]
        );
    }
}
