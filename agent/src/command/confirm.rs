//! `polc-agent confirm`.

use clap::Args;

use super::Which;
use crate::{
    Error,
    api::{Request, Response, client},
};

/// Keep in force what `apply --confirm` has put in force on trial
#[derive(Args, Debug)]
pub struct Confirm {
    #[command(flatten)]
    which: Which,
}

impl Confirm {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Confirm)?;
        if let Response::Confirmed { epoch } = answer {
            println!("what is in force since epoch {epoch} stays in force");
        }
        Ok(())
    }
}
