//! What `polc verify` asks of a bundle, one check a file. None needs a node or root; the kernel is asked where it answers.
//!
//! A new check is a file here and a line in [`Subject::check`]. It says what it found in one line,
//! and names each fault in another.

mod budgets;
mod decoding;
mod exhaustive;
mod kernel;
mod prevail;
mod programs;
mod signature;

use std::path::{Path, PathBuf};

use polc_bundle::{Bundle, BundleError, signature::PublicKey};
use polc_codegen::{Program, elf};
use serde::Serialize;

use crate::{command::class_name, files, operational::OperationalError};

/// A bundle, and what it is checked with.
pub(crate) struct Subject<'a> {
    path: PathBuf,
    bytes: Vec<u8>,
    decoded: Result<Bundle, BundleError>,
    trusted: &'a [PublicKey],
}

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What takes no time.
    Quick,
    /// Also that every program means what its policies say, packet by packet.
    Exhaustive,
}

/// What one check found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    #[serde(rename = "check")]
    pub(crate) name: &'static str,
    #[serde(rename = "result")]
    pub(crate) verdict: Verdict,
    /// In one line.
    pub(crate) detail: String,
    /// What is wrong, a line each.
    pub(crate) findings: Vec<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All is well.
    Passed,
    /// Something is worth knowing, and is no fault.
    Noted,
    /// The bundle should not be used.
    Failed,
    /// The check could not be made, or was not asked for.
    NotMade,
}

impl Verdict {
    /// For people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Noted => "note",
            Self::Failed => "failed",
            Self::NotMade => "not checked",
        }
    }
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            detail: detail.into(),
            findings: Vec::new(),
        }
    }

    /// Passed when nothing was found. `detail` says what was looked at.
    fn with_findings(name: &'static str, detail: String, findings: Vec<String>) -> Self {
        let verdict = if findings.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Failed
        };
        Self {
            findings,
            ..Self::new(name, verdict, detail)
        }
    }
}

impl<'a> Subject<'a> {
    /// Reads the file. What it holds may be anything.
    pub(crate) fn read(path: &Path, trusted: &'a [PublicKey]) -> Result<Self, OperationalError> {
        let bytes = files::read(path)?;
        Ok(Self {
            path: path.to_owned(),
            decoded: Bundle::decode(bytes.clone()),
            bytes,
            trusted,
        })
    }

    /// The bundle, if the file holds one.
    pub(crate) fn bundle(&self) -> Option<&Bundle> {
        self.decoded.as_ref().ok()
    }

    /// Makes every check.
    pub(crate) fn check(&self, depth: Depth) -> Vec<Check> {
        vec![
            decoding::check(self),
            signature::check(self),
            self.of_bundle(programs::NAME, programs::check),
            self.of_bundle(budgets::NAME, budgets::check),
            self.of_bundle(prevail::NAME, prevail::check),
            self.of_bundle(kernel::NAME, kernel::check),
            match depth {
                Depth::Quick => exhaustive::not_asked_for(),
                Depth::Exhaustive => self.of_bundle(exhaustive::NAME, exhaustive::check),
            },
        ]
    }

    /// A check that needs to know what is in the bundle.
    fn of_bundle(&self, name: &'static str, check: impl Fn(&Bundle) -> Check) -> Check {
        self.bundle().map_or_else(
            || Check::new(name, Verdict::NotMade, "the bundle cannot be read"),
            check,
        )
    }
}

/// A program of a bundle.
struct Loadable {
    program: Program,
    /// The table of its class.
    #[cfg_attr(
        not(any(feature = "prevail", target_os = "linux")),
        expect(dead_code, reason = "only verifiers look at what is read from it")
    )]
    table: Vec<u8>,
}

/// The bundle's programs with the names of their classes, or what keeps one from being read.
fn programs(bundle: &Bundle) -> Vec<(String, Result<Loadable, String>)> {
    let mut found = Vec::new();
    for (class, bytes) in bundle.plan.classes.iter().zip(&bundle.programs) {
        let name = class_name(&bundle.model, &class.key);
        match elf::read(bytes) {
            Err(cause) => found.push((name, Err(cause.to_string()))),
            Ok(file) => found.extend(file.class.programs().enumerate().map(|(part, program)| {
                let name = match part {
                    0 => name.clone(),
                    part => format!("{name}, part {part}"),
                };
                let loadable = Loadable {
                    program: program.clone(),
                    table: file.class.table.clone(),
                };
                (name, Ok(loadable))
            })),
        }
    }
    found
}
