//! `polc-agent detach`.

use clap::Args;

use super::{Where, Which};
use crate::{
    Error,
    api::{Request, client},
    removal,
};

/// Remove everything from the node: nothing is enforced any more
#[derive(Args, Debug)]
pub struct Detach {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Where,
}

impl Detach {
    pub(super) fn execute(self) -> Result<(), Error> {
        let state_dir = self.which.state_dir();
        match client::ask_once(&state_dir.socket(), &Request::Detach) {
            Ok(_) => {}
            // Nobody there: what the agent left behind can be removed all the same.
            Err(Error::NotRunning { .. }) => {
                removal::remove(&self.place.pins(), self.place.mechanism(), &state_dir)?;
            }
            Err(error) => return Err(error),
        }
        println!("detached: polc enforces nothing here any more");
        Ok(())
    }
}
