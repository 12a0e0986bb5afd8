//! Long runs of what the tests do shortly.

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

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
    /// Compares what the datapath's hooks say of damaged frames with a plain parser.
    Packets {
        /// How many.
        #[arg(long, default_value_t = 1_000_000)]
        frames: u64,
        /// Where to begin; by default, somewhere else each time.
        #[arg(long)]
        seed: Option<u64>,
    },
}

/// Runs until it is over or something was found.
pub(crate) fn run(fuzz: &Fuzz) -> Result<()> {
    match *fuzz {
        Fuzz::Equivalence { minutes, seed } => equivalence(minutes, seed),
        Fuzz::Packets { frames, seed } => packets(frames, seed),
    }
}

fn equivalence(minutes: u64, seed: Option<u64>) -> Result<()> {
    let mut compare = run::cargo();
    compare.args(["run", "--release", "--quiet", "--locked"]);
    compare.args(["--package", "polc-fuzz-equivalence", "--"]);
    compare.args(["--minutes", &minutes.to_string()]);
    if let Some(seed) = seed {
        compare.args(["--seed", &seed.to_string()]);
    }
    run::run(&mut compare)?;

    say("the same in the kernel");
    let mut kernel = kernel_test(&["--release"], "the_kernel_does_what")?;
    kernel.env("POLC_EQUIVALENCE_MINUTES", minutes.to_string());
    if let Some(seed) = seed {
        kernel.env("POLC_EQUIVALENCE_SEED", seed.to_string());
    }
    run::run(&mut kernel)
}

fn packets(frames: u64, seed: Option<u64>) -> Result<()> {
    // Most of the time is the kernel's, so that a release build would gain nothing.
    let mut kernel = kernel_test(&[], "the_hooks_and_a_plain_parser")?;
    kernel.arg("one_hook_says_what_two_hooks_say");
    kernel.env("POLC_PACKETS", frames.to_string());
    let somewhere = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs() << 20)
    };
    let seed = seed.unwrap_or_else(somewhere);
    kernel.env("POLC_PACKETS_SEED", seed.to_string());
    run::run(&mut kernel)
}

/// A test of the kernel's, with the datapath of now.
fn kernel_test(profile: &[&str], name: &str) -> Result<Command> {
    let datapath = crate::build::datapath()?;
    let mut kernel = run::cargo();
    kernel.arg("test").args(profile);
    kernel.args(["--quiet", "--locked", "--package", "polc-agent"]);
    kernel.args(["--test", "kernel", name, "--", "--nocapture"]);
    kernel.env("POLC_DATAPATH", datapath);
    Ok(kernel)
}
