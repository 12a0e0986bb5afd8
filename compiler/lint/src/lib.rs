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
mod subjects;
#[cfg(test)]
mod totality;

use polc_diagnostics::{Code, Diagnostic, Level, Place, Severity, suggest::closest};
use polc_frontend::{LintLevels, SourceKind};

pub use context::Context;
pub use findings::Findings;

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
    lints::covered_l7::LINT,
    lints::names_without_dns::LINT,
    lints::near_budget::LINT,
];

/// The lint of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Lint> {
    ALL.iter().find(|lint| lint.name == name)
}

/// Runs the lints on a package without errors, at the levels that it asks for. Findings come in
/// order of file and place.
#[must_use]
pub fn run(context: &Context<'_>, levels: &LintLevels) -> Vec<Diagnostic> {
    let mut diagnostics = unknown_names(levels);
    for lint in ALL.iter().filter(|lint| is_wanted(lint, levels)) {
        let mut findings = Findings::new(lint);
        (lint.check)(context, &mut findings);
        for mut diagnostic in findings.into_diagnostics() {
            if SourceKind::of(&diagnostic.primary.place.file) == SourceKind::Kubernetes {
                // It is written in Pol: to delete an item of a list of YAML, or to merge two, takes more
                // than other text in its place.
                diagnostic.fix = None;
            }
            diagnostic.severity = match level_at(lint, &diagnostic.primary.place, levels) {
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

/// Whether a lint may say anything anywhere.
fn is_wanted(lint: &Lint, levels: &LintLevels) -> bool {
    let of_package = levels.package.get(lint.name).copied().unwrap_or(lint.level);
    let wants = |one: &polc_frontend::ItemLevel| one.lint == lint.name && one.level != Level::Allow;
    of_package != Level::Allow || levels.items.iter().any(wants)
}

/// The innermost level that covers a place, else the package's, else the lint's own.
fn level_at(lint: &Lint, place: &Place, levels: &LintLevels) -> Level {
    let covers = |outer: &Place| {
        outer.file == place.file
            && outer.range.start <= place.range.start
            && place.range.start < outer.range.end
    };
    levels
        .items
        .iter()
        .rev()
        .find(|one| one.lint == lint.name && covers(&one.place))
        .map(|one| one.level)
        .or_else(|| levels.package.get(lint.name).copied())
        .unwrap_or(lint.level)
}

/// Levels of lints that do not exist: what was to be silenced would be said all the same.
fn unknown_names(levels: &LintLevels) -> Vec<Diagnostic> {
    let of_package = levels.named.iter();
    let of_items = levels.items.iter().map(|one| (&one.lint, &one.named));
    of_package
        .chain(of_items)
        .filter(|(name, _)| by_name(name).is_none())
        .map(|(name, place)| {
            let headline = format!("there is no lint `{name}`");
            let diagnostic =
                Diagnostic::new(Code::UnknownLint, headline, place.clone(), "has no effect");
            match closest(name, ALL.iter().map(|lint| lint.name)) {
                Some(near) => diagnostic
                    .with_help(format!("did you mean `{near}`?"))
                    .with_fix(place.clone(), near),
                None => diagnostic.with_help("`polc explain` lists the lints"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_in_order_of_code_and_names_are_unique() {
        assert!(ALL.is_sorted_by(|one, next| one.code < next.code));
        for lint in ALL {
            assert_eq!(by_name(lint.name).unwrap().code, lint.code, "{}", lint.name);
            let is_snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(lint.name.chars().all(is_snake), "{}", lint.name);
        }
    }

    fn severities(source: &str) -> Vec<(String, Severity)> {
        let database = harness::database(source);
        let analysis = database.analyze();
        assert!(!analysis.has_errors(), "{:#?}", analysis.diagnostics);
        let context = Context::new(&database, &analysis.model);
        let found = run(&context, &analysis.lint_levels);
        found
            .into_iter()
            .map(|one| (one.code.to_string(), one.severity))
            .collect()
    }

    const OPEN: &str = "policy web for {} { ingress { allow from world on tcp 22 } }\n";

    #[test]
    fn the_package_decides_what_counts() {
        let with = |level: &str| format!("package p\nlint sensitive_port_open = {level}\n{OPEN}");
        let code = Code::SensitivePortOpen.to_string();
        assert_eq!(severities(&with("allow")), []);
        assert_eq!(
            severities(&with("warn")),
            [(code.clone(), Severity::Warning)]
        );
        assert_eq!(severities(&with("deny")), [(code, Severity::Error)]);
    }

    #[test]
    fn an_item_decides_for_itself() {
        let source = format!(
            "package p\nlint sensitive_port_open = deny\n@allow(sensitive_port_open)\n{OPEN}"
        );
        assert_eq!(severities(&source), []);
        // A lint that is silent by default is heard where it is asked for.
        let source =
            "package p\n@warn(unrestricted_egress)\npolicy a for {} { egress { allow to world } }
policy b for { x: \"y\" } { egress { allow to world } }\n";
        let code = Code::UnrestrictedEgress.to_string();
        assert!(severities(source).contains(&(code, Severity::Warning)));
    }

    #[test]
    fn misspelt_lints_are_named() {
        let source = "package p\nlint worldopen = allow\n@allow(nonsense)\npolicy a for {} {\ningress {} }\n";
        let unknown = Code::UnknownLint.to_string();
        assert_eq!(
            severities(source),
            [
                (unknown.clone(), Severity::Warning),
                (unknown, Severity::Warning),
            ]
        );
    }
}
