//! `polc test`: run the tests that packages contain.

use polc_diagnostics::Diagnostic;
use polc_model::{Direction, Expectation, Verdict};
use serde::Serialize;

use super::{check, finish};
use crate::{
    cli::{Format, TestArguments},
    output::Outcome,
    package::{self, LoadedPackage},
    render::{self, json},
    verify::{self, CheckResult},
};

/// Checks every package of the given paths and runs its tests. The tests of a package with errors
/// are not run: it has no meaning yet.
pub(crate) fn run(arguments: &TestArguments) -> Outcome {
    let loaded = package::load(&arguments.input.paths);
    let format = arguments.input.format;
    let mut report = Report {
        text: Vec::new(),
        passed: 0,
        failed: 0,
        json: JsonReport::default(),
    };
    for package in &loaded.packages {
        report.package(package, format);
    }
    let outcome = if report.failed > 0 {
        Outcome::Findings
    } else {
        check::outcome(&loaded.packages)
    };
    let text = report.finish(&loaded.packages, format);
    finish(&text, &loaded.errors, format, outcome)
}

struct Report {
    text: Vec<u8>,
    passed: usize,
    failed: usize,
    json: JsonReport,
}

impl Report {
    fn package(&mut self, package: &LoadedPackage, format: Format) {
        let mut found: Vec<Diagnostic> = package.diagnostics().to_vec();
        if !package.analysis.has_errors() {
            for result in verify::verify(package) {
                match &result.failure {
                    Some(failure) => {
                        self.failed += 1;
                        found.push(failure.clone());
                    }
                    None => self.passed += 1,
                }
                if format == Format::Json {
                    self.json.checks.push(json_check(package, &result));
                }
            }
        }
        if format == Format::Json {
            self.json
                .diagnostics
                .extend(json::findings(package, &found));
        } else {
            render::diagnostics(&mut self.text, package, &found, format);
        }
    }

    fn finish(mut self, packages: &[LoadedPackage], format: Format) -> Vec<u8> {
        if format == Format::Json {
            self.json.passed = self.passed;
            self.json.failed = self.failed;
            json::write(&mut self.text, &self.json);
            return self.text;
        }
        let broken: Vec<String> = packages
            .iter()
            .filter(|package| package.analysis.has_errors())
            .map(LoadedPackage::name)
            .collect();
        if format == Format::Human && !broken.is_empty() {
            let line = format!(
                "{}\ntests not run, because of errors: {}\n",
                check::summary(packages).trim_end(),
                broken.join(", ")
            );
            self.text.extend_from_slice(line.as_bytes());
        }
        // Where errors kept every test from running there is nothing to count.
        if format == Format::Human && !broken.is_empty() && self.passed + self.failed == 0 {
            return self.text;
        }
        let line = format!("{} passed, {} failed\n", self.passed, self.failed);
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
    checks: Vec<JsonCheck>,
    diagnostics: Vec<json::Finding>,
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
