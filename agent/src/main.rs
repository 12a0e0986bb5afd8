//! `polc-agent`: enforces network policy on a node.

use std::process::ExitCode;

use clap::Parser as _;
use polc_agent::{Error, command::Cli};

fn main() -> ExitCode {
    match Cli::parse().execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.exit_code();
            if !matches!(error, Error::Said { .. }) {
                eprintln!("{:?}", miette::Report::new(error));
            }
            ExitCode::from(code)
        }
    }
}
