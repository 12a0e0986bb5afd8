//! Does the [prevail](https://github.com/elazarg/prevail-rust) verifier accept every program? It
//! proves memory safety by abstract interpretation, without a kernel. An optional feature of polc.

use polc_bundle::Bundle;

use super::Check;

#[cfg(feature = "prevail")]
mod analysis;

pub(super) const NAME: &str = "prevail";

#[cfg(feature = "prevail")]
pub(super) fn check(bundle: &Bundle) -> Check {
    let mut findings = Vec::new();
    for (name, program) in super::programs(bundle) {
        let found = program.and_then(|one| analysis::analyze(&one.program, one.table.len()));
        if let Err(cause) = found {
            findings.push(format!("{name}: {cause}"));
        }
    }
    let detail = crate::command::count(bundle.programs.len(), "program");
    Check::with_findings(NAME, detail, findings)
}

#[cfg(not(feature = "prevail"))]
pub(super) fn check(_bundle: &Bundle) -> Check {
    let detail = "this polc was built without the feature `prevail`";
    Check::new(NAME, super::Verdict::NotMade, detail)
}
