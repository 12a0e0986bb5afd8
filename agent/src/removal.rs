//! Removing everything from the node.

use crate::{
    Error,
    attach::{Hook, HookPoint, Mechanism},
    pins::Pins,
    state_dir::StateDir,
};

/// Removes hooks, maps and what is known of them.
pub(crate) fn remove(pins: &Pins, state_dir: &StateDir) -> Result<(), Error> {
    // Whatever the mechanism is now: an agent before may have used another.
    detach_clsact(pins, state_dir);
    pins.remove().map_err(Error::kernel("removing pins"))?;
    state_dir.remove()
}

/// Removes clsact filters, which have no pins, from the interfaces that the state directory names.
fn detach_clsact(pins: &Pins, state_dir: &StateDir) {
    let left = state_dir.epochs().into_iter();
    let left = left.filter_map(|epoch| state_dir.load(epoch));
    for interface in left.flat_map(|left| left.interfaces) {
        // An uplink's are where an endpoint's would be.
        for point in [HookPoint::FromEndpoint, HookPoint::ToEndpoint] {
            let hook = Hook {
                point,
                interface: interface.clone(),
                ifindex: 0,
            };
            let _ = Mechanism::Clsact.detach(pins, &hook);
        }
    }
}
