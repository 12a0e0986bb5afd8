//! The subcommands, one file each.

pub mod apply;
pub mod confirm;
pub mod detach;
pub mod endpoint;
pub mod endpoints;
pub mod explain;
pub mod flows;
mod json;
pub mod metrics;
pub mod peers;
pub mod policies;
pub mod preflight;
pub mod run;
pub mod status;
mod table;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{Error, pins::Pins, state_dir::StateDir, sys::signal};

/// Enforces network policy on a node.
///
/// Exit codes: 0 when all is well, 1 when what was given is refused, 2 when it could not be tried.
#[derive(Debug, Parser)]
#[command(name = "polc-agent", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What each does is said where its arguments are.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Apply(apply::Apply),
    Confirm(confirm::Confirm),
    Status(status::StatusCommand),
    Flows(flows::Flows),
    Endpoints(endpoints::Endpoints),
    Endpoint(endpoint::EndpointCommand),
    Peers(peers::Peers),
    Policies(policies::Policies),
    Explain(explain::Explain),
    Metrics(metrics::Metrics),
    Preflight(preflight::Preflight),
    Detach(detach::Detach),
}

const DEFAULT_STATE_DIR: &str = "/run/polc";
const DEFAULT_BPFFS: &str = "/sys/fs/bpf";
const DEFAULT_NAME: &str = "default";

/// Which agent is meant.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// Where the agent keeps its socket and what is in force
    #[arg(long, default_value = DEFAULT_STATE_DIR, value_name = "DIR")]
    pub state_dir: PathBuf,
}

/// Where the agent pins things.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// Where the BPF file system is mounted, or shall be
    #[arg(long, default_value = DEFAULT_BPFFS, value_name = "DIR")]
    pub bpffs: PathBuf,
    /// The agent's name, for several on one kernel
    #[arg(long, default_value = DEFAULT_NAME)]
    pub name: String,
}

impl Which {
    fn state_dir(&self) -> StateDir {
        StateDir::new(&self.state_dir)
    }
}

impl Where {
    fn pins(&self) -> Pins {
        Pins::new(&self.bpffs, &self.name)
    }
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn execute(self) -> Result<(), Error> {
        let only_prints = !matches!(
            self.command,
            Command::Run(_) | Command::Apply(_) | Command::Endpoint(_) | Command::Detach(_)
        );
        if only_prints {
            signal::end_with_reader();
        }
        match self.command {
            Command::Run(command) => command.execute(),
            Command::Apply(command) => command.execute(),
            Command::Confirm(command) => command.execute(),
            Command::Status(command) => command.execute(),
            Command::Flows(command) => command.execute(),
            Command::Endpoints(command) => command.execute(),
            Command::Endpoint(command) => command.execute(),
            Command::Peers(command) => command.execute(),
            Command::Policies(command) => command.execute(),
            Command::Explain(command) => command.execute(),
            Command::Metrics(command) => command.execute(),
            Command::Preflight(command) => command.execute(),
            Command::Detach(command) => command.execute(),
        }
    }
}

/// Several in one cell of a table.
fn list<T: ToString>(all: &[T]) -> String {
    let texts: Vec<String> = all.iter().map(T::to_string).collect();
    texts.join(", ")
}

/// The path as the agent, which has another working directory, must know it.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::file(path))
}
