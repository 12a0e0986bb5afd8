//! Results of tests as JUnit XML, one suite for each package.

use polc_diagnostics::Diagnostic;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{package::LoadedPackage, verify::CheckResult};

/// Adds a package's checks to a report.
pub(crate) fn suite(report: &mut Report, package: &LoadedPackage, results: &[CheckResult<'_>]) {
    let mut suite = TestSuite::new(package.name());
    for result in results {
        let status = match &result.failure {
            None => TestCaseStatus::success(),
            Some(failure) => failed(package, failure),
        };
        let name = package.source_of(&result.check.origin);
        let mut case = TestCase::new(name, status);
        case.set_classname(result.test.name.as_str());
        suite.add_test_case(case);
    }
    report.add_test_suite(suite);
}

/// Adds a package whose errors keep its tests from running.
pub(crate) fn broken(report: &mut Report, package: &LoadedPackage) {
    let mut suite = TestSuite::new(package.name());
    for diagnostic in package.diagnostics() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(diagnostic.headline.as_str());
        suite.add_test_case(TestCase::new(place(package, diagnostic), status));
    }
    report.add_test_suite(suite);
}

/// Writes the report. Times are left out, so that the same run gives the same text.
pub(crate) fn write(text: &mut Vec<u8>, report: &Report) {
    let written = report.serialize(&mut *text);
    debug_assert!(written.is_ok(), "writing to memory failed");
}

fn failed(package: &LoadedPackage, failure: &Diagnostic) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(failure.headline.as_str());
    let mut text = format!("{}: {}\n", place(package, failure), failure.primary.message);
    for label in &failure.secondary {
        let (line, _) = package.position(&label.place);
        let file = package.display_path(&label.place.file);
        text.push_str(&format!("{file}:{line}: {}\n", label.message));
    }
    for note in &failure.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    status.set_description(text);
    status
}

fn place(package: &LoadedPackage, diagnostic: &Diagnostic) -> String {
    let (line, _) = package.position(&diagnostic.primary.place);
    format!(
        "{}:{line}",
        package.display_path(&diagnostic.primary.place.file)
    )
}
