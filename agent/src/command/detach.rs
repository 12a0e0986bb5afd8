//! `polc-agent detach`.

use clap::Args;

use super::{Where, Which};
use crate::{
    Error,
    api::{Request, client},
    pins::Pins,
    removal,
};

/// Remove everything from the node: nothing is enforced any more
///
/// Works with and without a running agent. What stays is what others may use: the mount of the BPF
/// file system and, on kernels without tcx, an empty clsact qdisc.
#[derive(Args, Debug)]
pub struct Detach {
    /// Also what agents of other names have pinned; end those first
    #[arg(long)]
    all: bool,
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
                removal::remove(&self.place.pins(), &state_dir)?;
            }
            Err(error) => return Err(error),
        }
        if self.all {
            for pins in Pins::all(&self.place.bpffs).map_err(Error::kernel("finding pins"))? {
                pins.remove().map_err(Error::kernel("removing pins"))?;
            }
        }
        println!("detached: polc enforces nothing here any more");
        Ok(())
    }
}
