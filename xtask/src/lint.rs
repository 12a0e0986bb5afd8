//! Formatting, lints with warnings as errors, and the policies of this repository.

use crate::{
    build, docs,
    run::{self, Result, root, say},
};

/// Runs all of them, stopping at the first that fails.
pub(crate) fn run() -> Result<()> {
    say("formatting");
    run::run(run::cargo().args(["fmt", "--all", "--check"]))?;
    say("lints");
    let object = build::datapath()?;
    run::run(
        run::cargo()
            .env("POLC_DATAPATH", &object)
            .args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--quiet",
            ])
            .args(build::EVERY_FEATURE)
            .args(["--", "--deny", "warnings"]),
    )?;
    say("reference pages");
    docs::run(docs::Mode::Check)?;
    say("policies");
    for subcommand in [&["check"][..], &["fmt", "--check"]] {
        run::run(
            run::cargo()
                .args(["run", "--quiet", "--locked", "--package", "polc", "--"])
                .args(subcommand)
                .arg(root().join("policies")),
        )?;
    }
    Ok(())
}
