//! Removing everything from the node.

use std::path::Path;

use crate::{
    Error,
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    pins::Pins,
    state_dir::StateDir,
};

/// Removes hooks, maps and what is known of them.
pub(crate) fn remove(pins: &Pins, mechanism: Mechanism, state_dir: &StateDir) -> Result<(), Error> {
    if mechanism == Mechanism::Clsact {
        detach_clsact(pins, state_dir);
    }
    pins.remove().map_err(Error::kernel("removing pins"))?;
    state_dir.remove()
}

/// Removes clsact filters, which have no pins, by what the state directory says was attached.
fn detach_clsact(pins: &Pins, state_dir: &StateDir) {
    let nowhere = Path::new("");
    for epoch in state_dir.epochs() {
        let Some((source, _)) = state_dir.load(epoch) else {
            continue;
        };
        let Ok(candidate) = Candidate::new(source, nowhere, nowhere, MissingInterface::Skip) else {
            continue;
        };
        for hook in &candidate.hooks {
            let _ = Mechanism::Clsact.detach(pins, hook);
        }
    }
}
