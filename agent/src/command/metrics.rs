//! `polc-agent metrics`.

use clap::Args;

use super::Which;
use crate::{
    Error,
    api::{Request, Response, client},
};

/// Print the agent's metrics in Prometheus' text format
///
/// The same as `GET /metrics` answers where the agent was started with `run --metrics ADDRESS`.
#[derive(Args, Debug)]
pub struct Metrics {
    #[command(flatten)]
    which: Which,
}

impl Metrics {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Metrics)?;
        if let Response::Metrics { text } = answer {
            print!("{text}");
        }
        Ok(())
    }
}
