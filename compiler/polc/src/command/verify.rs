//! `polc verify`: everything that can be said about a bundle without a node.

use std::{fmt::Write as _, path::Path};

use polc_bundle::signature::PublicKey;
use serde::Serialize;

use super::{count, finish};
use crate::{
    bundle_checks::{Check, Depth, Subject, Verdict},
    cli::{Format, VerifyArguments},
    files,
    operational::OperationalError,
    output::Outcome,
    render::json,
};

/// Checks each bundle.
pub(crate) fn run(arguments: &VerifyArguments) -> Outcome {
    let format = arguments.format;
    let trusted = match public_keys(arguments) {
        Ok(trusted) => trusted,
        Err(error) => return finish(&[], &[error], format, Outcome::CouldNotRun),
    };
    let depth = if arguments.exhaustive {
        Depth::Exhaustive
    } else {
        Depth::Quick
    };
    let mut reports = Vec::new();
    let mut errors = Vec::new();
    for path in &arguments.bundles {
        match Subject::read(path, &trusted) {
            Ok(subject) => reports.push(Report::of(path, &subject, depth)),
            Err(error) => errors.push(error),
        }
    }
    let outcome = if reports.iter().all(|report| report.verified) {
        Outcome::Fine
    } else {
        Outcome::Findings
    };
    let mut text = Vec::new();
    if format == Format::Json {
        json::write(&mut text, &reports);
    } else {
        for report in &reports {
            report.write(&mut text);
        }
        let verified = reports.iter().filter(|report| report.verified).count();
        let line = format!(
            "{} verified, {} refused\n",
            count(verified, "bundle"),
            reports.len() - verified
        );
        text.extend_from_slice(line.as_bytes());
    }
    finish(&text, &errors, format, outcome)
}

fn public_keys(arguments: &VerifyArguments) -> Result<Vec<PublicKey>, OperationalError> {
    let read = |path: &Path| {
        PublicKey::parse(&files::read_text(path)?).map_err(|_| OperationalError::NotAPublicKey {
            path: path.to_owned(),
        })
    };
    arguments
        .public_keys
        .iter()
        .map(|path| read(path))
        .collect()
}

/// What was found about a bundle. `--format json` writes a list of these; fields may be added,
/// never removed or renamed.
#[derive(Serialize)]
struct Report {
    bundle: String,
    /// `null` when the bundle cannot be read.
    package: Option<String>,
    digest: Option<String>,
    /// Whether no check failed. One that was not made is no failure.
    verified: bool,
    checks: Vec<Check>,
}

impl Report {
    fn of(path: &Path, subject: &Subject<'_>, depth: Depth) -> Self {
        let checks = subject.check(depth);
        let bundle = subject.bundle();
        Self {
            bundle: path.display().to_string(),
            package: bundle.map(|bundle| bundle.model.package.clone()),
            digest: bundle
                .and_then(|bundle| bundle.digest().ok())
                .map(|digest| digest.to_string()),
            verified: checks.iter().all(|check| check.verdict != Verdict::Failed),
            checks,
        }
    }

    fn write(&self, text: &mut Vec<u8>) {
        let mut out = self.bundle.clone();
        if let (Some(package), Some(digest)) = (&self.package, &self.digest) {
            let _ = write!(out, ": package {package}, digest {digest}");
        }
        out.push('\n');
        for check in &self.checks {
            let verdict = check.verdict.words();
            let _ = writeln!(out, "  {:9} {verdict:11} {}", check.name, check.detail);
            for finding in &check.findings {
                let _ = writeln!(out, "{:24}{finding}", "");
            }
        }
        // A bundle may say anything, and a terminal obeys.
        let shown = out.replace(|c: char| c.is_control() && c != '\n', "?");
        text.extend_from_slice(shown.as_bytes());
    }
}
