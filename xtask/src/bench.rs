//! Measurements, in release mode.

use crate::{
    build,
    run::{self, Result, target},
    setup,
};

/// Builds and runs the measurements, all parts or these.
pub(crate) fn run(parts: &[String]) -> Result<()> {
    if parts.is_empty() || parts.iter().any(|part| part == "traffic") {
        setup::ensure_for_traffic()?;
    }
    let object = build::datapath()?;
    // Some parts measure the agent as it runs.
    let agent = [
        "build",
        "--release",
        "--quiet",
        "--locked",
        "--package",
        "polc-agent",
    ];
    run::run(run::cargo().env("POLC_DATAPATH", &object).args(agent))?;
    run::run(
        run::cargo()
            .env("POLC_DATAPATH", object)
            .env("POLC_AGENT", target().join("release/polc-agent"))
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
