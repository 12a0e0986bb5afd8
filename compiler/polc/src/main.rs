//! The polc command: check, test, build, sign, verify.
//!
//! One file per subcommand under [`command`], one per output format under [`render`]. Everything
//! that touches the disk is in [`package`]; what goes wrong there is an [`operational`] error, and
//! what is wrong in the policies is a diagnostic.

mod bundle_checks;
mod cli;
mod command;
mod files;
mod inventory;
mod operational;
mod output;
mod package;
mod render;
mod signing;
mod strictness;
mod verify;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    command::run(&arguments).into()
}
