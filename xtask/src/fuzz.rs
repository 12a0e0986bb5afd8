//! Long runs of what the tests do shortly.

use clap::Subcommand;

use crate::run::{self, Result, say};

/// What to do for long.
#[derive(Subcommand)]
pub(crate) enum Fuzz {
    /// Compares every form of random packages: reference, plan and bytecode, and the kernel.
    Equivalence {
        /// How long, for the user-space forms and then for the kernel each.
        #[arg(long, default_value_t = 1)]
        minutes: u64,
        /// Where to begin; by default, somewhere else each time.
        #[arg(long)]
        seed: Option<u64>,
    },
}

/// Runs until the time is over or something was found.
pub(crate) fn run(fuzz: &Fuzz) -> Result<()> {
    let Fuzz::Equivalence { minutes, seed } = fuzz;
    let mut compare = run::cargo();
    compare.args(["run", "--release", "--quiet", "--locked"]);
    compare.args(["--package", "polc-fuzz-equivalence", "--"]);
    compare.args(["--minutes", &minutes.to_string()]);
    if let Some(seed) = seed {
        compare.args(["--seed", &seed.to_string()]);
    }
    run::run(&mut compare)?;

    say("the same in the kernel");
    let datapath = crate::build::datapath()?;
    let mut kernel = run::cargo();
    kernel.args([
        "test",
        "--release",
        "--quiet",
        "--locked",
        "--package",
        "polc-agent",
    ]);
    kernel.args([
        "--test",
        "kernel",
        "the_kernel_does_what",
        "--",
        "--nocapture",
    ]);
    kernel.env("POLC_DATAPATH", datapath);
    kernel.env("POLC_EQUIVALENCE_MINUTES", minutes.to_string());
    if let Some(seed) = seed {
        kernel.env("POLC_EQUIVALENCE_SEED", seed.to_string());
    }
    run::run(&mut kernel)
}
