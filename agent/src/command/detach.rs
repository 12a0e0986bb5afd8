//! `polc-agent detach`.

use clap::Args;

use super::{Where, Which};
use crate::{
    Error,
    api::{Request, client},
    attach::Mechanism,
    state_dir::StateDir,
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
            Err(Error::NotRunning { .. }) => remove(&self.place, &state_dir)?,
            Err(error) => return Err(error),
        }
        println!("detached: polc enforces nothing here any more");
        Ok(())
    }
}

/// Removes hooks, maps and what is known of them.
pub(super) fn remove(place: &Where, state_dir: &StateDir) -> Result<(), Error> {
    let pins = place.pins();
    if Mechanism::probe() == Mechanism::Clsact {
        super::run::detach_clsact(&pins, state_dir);
    }
    pins.remove().map_err(Error::kernel("removing pins"))?;
    state_dir.remove()
}
