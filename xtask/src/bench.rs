//! Measurements, in release mode.

use crate::run::{self, Result};

/// Builds and runs the measurements.
pub(crate) fn run() -> Result<()> {
    run::run(run::cargo().args([
        "run",
        "--release",
        "--quiet",
        "--locked",
        "--package",
        "polc-bench",
    ]))
}
