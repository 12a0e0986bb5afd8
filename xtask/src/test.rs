//! Every test, after building what they need.

use crate::{
    build,
    run::{self, Result},
    setup,
};

/// Runs the tests of the workspace. `arguments` are passed on to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let object = build::datapath()?;
    setup::ensure_for_tests()?;
    run::run(
        run::cargo()
            .env("POLC_DATAPATH", object)
            // Snapshots are reviewed by people, never written by a test run.
            .env("INSTA_UPDATE", "no")
            // The same cases each time: a change is never refused for a fault that it does not
            // have. `cargo test` and the fuzz targets look for new ones.
            .env("PROPTEST_RNG_SEED", "1")
            .args(["test", "--workspace", "--locked"])
            .args(build::EVERY_FEATURE)
            .args(arguments),
    )
}
