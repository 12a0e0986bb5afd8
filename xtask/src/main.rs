//! Everything that is done to this repository, behind `cargo xtask`.
//!
//! - [`setup`]: finds or installs what the datapath needs to be built
//! - [`build`]: the datapath, then the binaries
//! - [`demo`]: the main job, end to end, with real traffic
//! - [`test`](mod@test), [`lint`]: what continuous integration runs
//! - [`kernels`]: the tests on another kernel than this machine's

mod bench;
mod build;
mod demo;
mod docs;
mod fuzz;
mod kernels;
mod lint;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, demo, tests and benchmarks of polc.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Finds the tools that the datapath is built with, and installs what is missing.
    Setup,
    /// Builds the datapath and both binaries.
    Build,
    /// Makes a node, compiles and enforces the example package, sends real traffic, and compares.
    Demo {
        /// Leave everything running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
    /// Runs every test.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the agent's tests on Debian's kernel, in a machine that QEMU emulates.
    TestKernels,
    /// Measures, in release mode, and prints figures beside their targets.
    Bench {
        /// Only these parts: `frontend`, `kubernetes`, `decision`, `strategies`, `hooks`, `load`, `memory`,
        /// `apply`, `traffic`.
        parts: Vec<String>,
    },
    /// Long runs of what the tests do shortly.
    Fuzz {
        #[command(subcommand)]
        fuzz: fuzz::Fuzz,
    },
    /// Makes the reference pages in docs/ from what is tested.
    Docs,
    /// Checks formatting, lints with warnings as errors, and the policies of this repository.
    Lint,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Setup => setup::ensure().and_then(|_| setup::ensure_for_tests()),
        Task::Build => build::all(),
        Task::Demo { keep } => demo::run(if keep {
            demo::Then::Keep
        } else {
            demo::Then::End
        }),
        Task::Test { arguments } => test::run(&arguments),
        Task::TestKernels => kernels::run(),
        Task::Bench { parts } => bench::run(&parts),
        Task::Fuzz { fuzz } => fuzz::run(&fuzz),
        Task::Docs => docs::run(docs::Mode::Write),
        Task::Lint => lint::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
