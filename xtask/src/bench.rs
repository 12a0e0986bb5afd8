//! Measurements, in release mode.

use crate::{
    build,
    run::{self, Result},
    setup,
};

/// Builds and runs the measurements, all parts or these.
pub(crate) fn run(parts: &[String]) -> Result<()> {
    if parts.is_empty() || parts.iter().any(|part| part == "traffic") {
        setup::ensure_for_traffic()?;
    }
    let object = build::datapath()?;
    run::run(
        run::cargo()
            .env("POLC_DATAPATH", object)
            .args([
                "run",
                "--release",
                "--quiet",
                "--locked",
                "--package",
                "polc-bench",
                "--",
            ])
            .args(parts),
    )
}
