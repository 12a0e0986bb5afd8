//! Everything that is done to this repository, behind `cargo xtask`.
//!
//! - [`setup`]: finds or installs what the datapath needs to be built
//! - [`build`]: the datapath, then the binaries
//! - [`test`](mod@test), [`lint`]: what continuous integration runs

mod build;
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
    /// Runs every test.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Checks formatting, lints with warnings as errors, and the policies of this repository.
    Lint,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Setup => setup::ensure().map(|_| ()),
        Task::Build => build::all(),
        Task::Test { arguments } => test::run(&arguments),
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
