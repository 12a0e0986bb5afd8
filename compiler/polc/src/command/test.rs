//! `polc test`: run the tests that packages contain.

use std::collections::BTreeMap;

use polc_diagnostics::Diagnostic;
use polc_model::{Direction, Expectation, Verdict};
use serde::Serialize;

use super::{check, finish};
use crate::{
    cli::{TestArguments, TestFormat},
    output::Outcome,
    package::{self, LoadedPackage},
    render::{self, json, junit},
    strictness::Strictness,
    verify::{
        self, CheckResult,
        coverage::{self, Coverage},
    },
};

/// Checks every package of the given paths and runs its tests. The tests of a package with errors
/// are not run: it has no meaning yet.
pub(crate) fn run(arguments: &TestArguments) -> Outcome {
    let loaded = package::load(&arguments.paths);
    let loaded = loaded.with_strictness(Strictness::of(arguments.permissive));
    let format = arguments.format;
    let mut report = Report::new(arguments);
    for package in &loaded.packages {
        report.package(package);
    }
    let outcome = if report.failed > 0 {
        Outcome::Findings
    } else {
        check::outcome(&loaded.packages)
    };
    let text = report.finish(&loaded.packages);
    finish(&text, &loaded.errors, format.of_errors(), outcome)
}

struct Report<'a> {
    arguments: &'a TestArguments,
    text: Vec<u8>,
    passed: usize,
    failed: usize,
    /// Assertions, which nothing decides yet.
    undecided: usize,
    json: JsonReport,
    junit: quick_junit::Report,
}

impl<'a> Report<'a> {
    fn new(arguments: &'a TestArguments) -> Self {
        Self {
            arguments,
            text: Vec::new(),
            passed: 0,
            failed: 0,
            undecided: 0,
            json: JsonReport::default(),
            junit: quick_junit::Report::new("polc test"),
        }
    }

    fn package(&mut self, package: &LoadedPackage) {
        let format = self.arguments.format;
        let mut found: Vec<Diagnostic> = package.diagnostics().to_vec();
        if package.analysis.has_errors() {
            junit::broken(&mut self.junit, package);
            return self.show(package, &found);
        }
        let results = verify::verify(package);
        self.undecided += package.analysis.model.assertions.len();
        for result in &results {
            match &result.failure {
                Some(failure) => {
                    self.failed += 1;
                    found.push(failure.clone());
                }
                None => self.passed += 1,
            }
        }
        self.show(package, &found);
        match format {
            TestFormat::Json => {
                let checks = results.iter().map(|result| json_check(package, result));
                self.json.checks.extend(checks);
            }
            TestFormat::Junit => junit::suite(&mut self.junit, package, &results),
            TestFormat::Human | TestFormat::Plain => {}
        }
        if self.arguments.coverage {
            let coverage = coverage::measure(package, &results);
            match format {
                TestFormat::Human | TestFormat::Plain => {
                    self.text
                        .extend_from_slice(coverage.text(&package.name()).as_bytes());
                }
                TestFormat::Json => {
                    self.json.coverage.insert(package.name(), coverage);
                }
                TestFormat::Junit => {}
            }
        }
    }

    fn show(&mut self, package: &LoadedPackage, found: &[Diagnostic]) {
        match self.arguments.format {
            TestFormat::Json => self.json.diagnostics.extend(json::findings(package, found)),
            TestFormat::Junit => {}
            format => render::diagnostics(&mut self.text, package, found, format.of_errors()),
        }
    }

    fn finish(mut self, packages: &[LoadedPackage]) -> Vec<u8> {
        match self.arguments.format {
            TestFormat::Json => {
                self.json.passed = self.passed;
                self.json.failed = self.failed;
                self.json.undecided = self.undecided;
                json::write(&mut self.text, &self.json);
                return self.text;
            }
            TestFormat::Junit => {
                junit::write(&mut self.text, &self.junit);
                return self.text;
            }
            TestFormat::Human | TestFormat::Plain => {}
        }
        let broken: Vec<String> = packages
            .iter()
            .filter(|package| package.analysis.has_errors())
            .map(LoadedPackage::name)
            .collect();
        if self.arguments.format == TestFormat::Human && !broken.is_empty() {
            let line = format!(
                "{}\ntests not run, because of errors: {}\n",
                check::summary(packages).trim_end(),
                broken.join(", ")
            );
            self.text.extend_from_slice(line.as_bytes());
            // Where errors kept every test from running there is nothing to count.
            if self.passed + self.failed + self.undecided == 0 {
                return self.text;
            }
        }
        let undecided = match self.undecided {
            0 => String::new(),
            count => format!(", {count} undecided"),
        };
        let line = format!(
            "{} passed, {} failed{undecided}\n",
            self.passed, self.failed
        );
        self.text.extend_from_slice(line.as_bytes());
        self.text
    }
}

/// What `--format json` writes. `diagnostics` is as `polc check` writes it, with a `P0605` for each
/// check that failed.
#[derive(Default, Serialize)]
struct JsonReport {
    passed: usize,
    failed: usize,
    /// Assertions, which nothing decides yet. They are never counted as passed.
    undecided: usize,
    checks: Vec<JsonCheck>,
    diagnostics: Vec<json::Finding>,
    /// By package, with `--coverage`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    coverage: BTreeMap<String, Coverage>,
}

#[derive(Serialize)]
struct JsonCheck {
    package: String,
    test: String,
    check: String,
    file: String,
    line: u32,
    expected: &'static str,
    expected_by: Option<String>,
    actual: &'static str,
    passed: bool,
    decisions: Vec<JsonDecision>,
}

#[derive(Serialize)]
struct JsonDecision {
    direction: &'static str,
    verdict: &'static str,
    /// The policy, where one decided.
    policy: Option<String>,
    /// `file:line` of the rule or policy that decided.
    place: Option<String>,
}

fn json_check(package: &LoadedPackage, result: &CheckResult<'_>) -> JsonCheck {
    let model = &package.analysis.model;
    let word = |verdict| match verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
    };
    let (expected, by) = match result.check.expected {
        Expectation::Allowed { by } => (Verdict::Allow, by),
        Expectation::Denied { by } => (Verdict::Deny, by),
    };
    let origin = &result.check.origin;
    let file = model
        .files
        .get(origin.file.index())
        .map_or("", String::as_str);
    let decisions = result.decision.decisions();
    JsonCheck {
        package: package.name(),
        test: result.test.name.clone(),
        check: origin.text.clone(),
        file: package.display_path(file),
        line: origin.line,
        expected: word(expected),
        expected_by: by
            .and_then(|id| model.policy(id))
            .map(|policy| policy.name.clone()),
        actual: word(result.decision.verdict()),
        passed: result.failure.is_none(),
        decisions: decisions
            .map(|(direction, decision)| JsonDecision {
                direction: Direction::name(direction),
                verdict: word(decision.verdict),
                policy: model
                    .deciding_policy(decision.decider)
                    .map(|policy| policy.name.clone()),
                place: model
                    .deciding_origin(decision.decider)
                    .map(|origin| package.display_path(&model.place(origin))),
            })
            .collect(),
    }
}
