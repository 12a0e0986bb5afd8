//! `polc-agent apply`.

use std::path::PathBuf;

use clap::Args;

use super::{Which, absolute};
use crate::{
    Error,
    api::{Request, Response, client},
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
    #[command(flatten)]
    which: Which,
}

impl Apply {
    pub(super) fn execute(self) -> Result<(), Error> {
        let request = Request::Apply {
            bundle: self.bundle.as_deref().map(absolute).transpose()?,
            inventory: self.inventory.as_deref().map(absolute).transpose()?,
        };
        if let Response::Applied { bundle, epoch } =
            client::ask_once(&self.which.state_dir().socket(), &request)?
        {
            println!("bundle {bundle} is in force, epoch {epoch}");
        }
        Ok(())
    }
}
