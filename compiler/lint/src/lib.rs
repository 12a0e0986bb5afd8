//! Lints: what is allowed by the language and probably not what was meant.
//!
//! One file per lint under [`lints`], with its check, its fix and its tests. A lint is data: a
//! name for `@allow(…)`, a code for `polc explain`, a default level, and a function over a
//! [`Context`]. Semantic lints ask [`polc_logic`] about selectors, so that what they claim holds
//! for every peer and not only for those that somebody thought of.

mod context;
mod findings;
#[cfg(test)]
mod harness;
mod lints;
mod rules;

use polc_diagnostics::{Code, Diagnostic, Place, Severity};

pub use context::Context;
pub use findings::Findings;

/// How much a lint counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not looked for.
    Allow,
    /// It is reported.
    Warn,
    /// It is an error.
    Deny,
}

/// One lint.
#[derive(Debug)]
pub struct Lint {
    /// Its name, as `@allow(…)` and `lint … = …` write it.
    pub name: &'static str,
    /// Its code; the summary and the page belong to the code.
    pub code: Code,
    /// What it counts when nobody says otherwise.
    pub level: Level,
    check: fn(&Context<'_>, &mut Findings),
}

/// Every lint, in order of code.
pub static ALL: &[Lint] = &[
    lints::shadowed_rule::LINT,
    lints::redundant_rule::LINT,
    lints::moot_allow::LINT,
    lints::never_matches::LINT,
    lints::needless_deny::LINT,
    lints::world_open::LINT,
    lints::sensitive_port_open::LINT,
    lints::unrestricted_egress::LINT,
    lints::metadata_reachable::LINT,
    lints::one_family_block::LINT,
    lints::unused_name::LINT,
    lints::untested_policy::LINT,
    lints::dns_without_tcp::LINT,
    lints::overlapping_ports::LINT,
    lints::redundant_peer::LINT,
    lints::pass_at_the_end::LINT,
    lints::one_sided_allow::LINT,
    lints::tests_only_allow::LINT,
    lints::unmatched_subject::LINT,
    lints::name_style::LINT,
    lints::wide_port_range::LINT,
    lints::idle_default_allow::LINT,
    lints::one_family_ping::LINT,
];

/// The lint of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Lint> {
    ALL.iter().find(|lint| lint.name == name)
}

/// Runs the lints on a package without errors. `level_of` says what the package wants of a lint at
/// a place; `None` leaves it at its default. Findings come in order of file and place.
pub fn run(
    context: &Context<'_>,
    level_of: impl Fn(&Lint, Option<&Place>) -> Option<Level>,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for lint in ALL {
        // What is silent everywhere need not be looked for. A place may still turn it on.
        let mut findings = Findings::new(lint);
        (lint.check)(context, &mut findings);
        for mut diagnostic in findings.into_diagnostics() {
            let place = Some(&diagnostic.primary.place);
            let level = level_of(lint, place).unwrap_or(lint.level);
            diagnostic.severity = match level {
                Level::Allow => continue,
                Level::Warn => Severity::Warning,
                Level::Deny => Severity::Error,
            };
            diagnostics.push(diagnostic);
        }
    }
    diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_in_order_of_code_and_names_are_unique() {
        assert!(ALL.is_sorted_by(|one, next| one.code < next.code));
        for lint in ALL {
            assert_eq!(by_name(lint.name).unwrap().code, lint.code, "{}", lint.name);
            let is_snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(lint.name.chars().all(is_snake), "{}", lint.name);
        }
    }

    #[test]
    fn levels_decide_what_is_said() {
        let source = "package p\npolicy web for {} { ingress { allow from world on tcp 22 } }\n";
        let severities = |level| {
            let database = harness::database(source);
            let analysis = database.analyze();
            let context = Context::new(&database, &analysis.model);
            let found = run(&context, |lint, _| {
                (lint.name == "sensitive_port_open").then_some(level)
            });
            let ours = found
                .into_iter()
                .filter(|one| one.code == Code::SensitivePortOpen);
            ours.map(|one| one.severity).collect::<Vec<_>>()
        };
        assert_eq!(severities(Level::Allow), []);
        assert_eq!(severities(Level::Warn), [Severity::Warning]);
        assert_eq!(severities(Level::Deny), [Severity::Error]);
    }
}
