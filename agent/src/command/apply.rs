//! `polc-agent apply`.

use std::path::PathBuf;

use clap::Args;

use super::{Which, absolute};
use crate::{
    Error,
    api::{Request, Response, client},
    session::Session,
    trial::Seconds,
};

/// Give the running agent another bundle, another inventory, or both
#[derive(Args, Debug)]
#[group(id = "what", multiple = true, required = true, args = ["bundle", "inventory"])]
pub struct Apply {
    /// The bundle; without it, the one in force stays. Its signature, where the agent asks for one, is
    /// `BUNDLE.minisig` beside it
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The inventory; without it, the one in force stays
    #[arg(long, value_name = "PATH")]
    inventory: Option<PathBuf>,
    /// Put it in force on trial: what is in force now comes back after so many seconds, unless
    /// `polc-agent confirm` says that it stays
    #[arg(long, value_name = "SECONDS")]
    confirm: Option<Seconds>,
    /// Apply it also where it cuts the SSH session that this is said in
    #[arg(long)]
    cut_session: bool,
    #[command(flatten)]
    which: Which,
}

impl Apply {
    pub(super) fn execute(self) -> Result<(), Error> {
        let request = Request::Apply {
            bundle: self.bundle.as_deref().map(absolute).transpose()?,
            inventory: self.inventory.as_deref().map(absolute).transpose()?,
            session: Session::of_this_process().filter(|_| !self.cut_session),
            trial: self.confirm,
        };
        let answer = client::ask_once(&self.which.state_dir().socket(), &request)?;
        if let Response::Applied {
            bundle,
            epoch,
            cuts,
        } = answer
        {
            println!("bundle {bundle} is in force, epoch {epoch}");
            if let Some(trial) = self.confirm {
                let seconds = u32::from(trial);
                println!("for {seconds} seconds, unless `polc-agent confirm` says that it stays");
            }
            if let Some(decider) = cuts {
                println!("it cuts the session that this is said in: {decider}");
            }
        }
        Ok(())
    }
}
