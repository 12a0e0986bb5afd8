//! Do the programs mean what the reference interpreter says? One packet for each class, each
//! signature that some peer has, and both ends of each protocol and port interval. Takes long, and
//! is only made when asked for.

use std::io::IsTerminal as _;

use polc_bundle::Bundle;
use polc_codegen::elf;
use polc_equivalence::exhaustive::{Coverage, exhaust};

use super::{Check, Verdict};
use crate::command::{class_name, count};

pub(super) const NAME: &str = "meaning";

/// The most signatures of one class that are asked.
const MOST_SIGNATURES: usize = 4_096;

pub(super) fn check(bundle: &Bundle) -> Check {
    let model = &bundle.model;
    let mut coverage = Coverage::default();
    let mut findings = Vec::new();
    let classes = bundle.plan.classes.iter().zip(&bundle.programs);
    for (position, (class, bytes)) in classes.enumerate() {
        progress(position, bundle.plan.classes.len());
        let name = class_name(model, &class.key);
        let found = match elf::read(bytes) {
            Err(cause) => Err(cause.to_string()),
            Ok(file) => exhaust(model, class, &file.class, MOST_SIGNATURES, &mut coverage)
                .map_err(|wrong| wrong.to_string()),
        };
        findings.extend(found.err().map(|cause| format!("{name}: {cause}")));
    }
    progress(bundle.plan.classes.len(), bundle.plan.classes.len());
    let mut detail = format!(
        "{} and {}",
        count(coverage.packets, "packet"),
        count(coverage.signatures, "signature")
    );
    if coverage.empty_classes > 0 {
        detail.push_str(&format!(
            "; no endpoint is in {}",
            count(coverage.empty_classes, "class")
        ));
    }
    if coverage.cut_classes > 0 {
        detail.push_str(&format!(
            "; of {} not every signature",
            count(coverage.cut_classes, "class")
        ));
    }
    Check::with_findings(NAME, detail, findings)
}

pub(super) fn not_asked_for() -> Check {
    Check::new(NAME, Verdict::NotMade, "asked for with `--exhaustive`")
}

/// Says how far it is, where a person watches.
fn progress(done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{done}/{all} classes");
        if done == all {
            eprint!("\r\x1b[K");
        }
    }
}
