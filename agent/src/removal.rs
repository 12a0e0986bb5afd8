//! Removing everything from the node.

use std::path::Path;

use crate::{
    Error,
    attach::{Hook, HookPoint, Mechanism},
    candidate::{Candidate, MissingInterface},
    pins::Pins,
    state_dir::StateDir,
    trust::Trust,
};

/// Removes hooks, maps and what is known of them.
pub(crate) fn remove(pins: &Pins, state_dir: &StateDir) -> Result<(), Error> {
    // Whatever the mechanism is now: an agent before may have used another.
    detach_clsact(pins, state_dir);
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
        // Nothing is put in force: whose bundle it was does not matter.
        let (anyone, missing) = (Trust::Anyone, MissingInterface::Skip);
        let Ok(candidate) = Candidate::new(source, &anyone, nowhere, nowhere, missing) else {
            continue;
        };
        for hook in &candidate.hooks {
            let _ = Mechanism::Clsact.detach(pins, hook);
            // Policies may have applied to the node earlier.
            if hook.point == HookPoint::FromUplink {
                let point = HookPoint::ToUplink;
                let _ = Mechanism::Clsact.detach(
                    pins,
                    &Hook {
                        point,
                        ..hook.clone()
                    },
                );
            }
        }
    }
}
