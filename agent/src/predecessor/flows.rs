//! Flows of another version: the same maps, copies in this version's form, or nothing that this agent
//! can read.

use std::{fs, io, path::Path};

use polc_abi::{
    ABI_VERSION, FLOWS_SINCE, Plain,
    flow::{Flow, FlowKey},
    map::{FLOWS, NEW_FLOWS},
};
use tracing::warn;

use super::Connections;
use crate::{
    Error,
    pins::Pins,
    sys::{link, map::Map, usage::Usage},
};

const MAPS: [&str; 2] = [FLOWS, NEW_FLOWS];

/// What can be done with the flows of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flows {
    /// They have this version's form: both versions' programs use the same maps.
    Shared,
    /// They are copied, in the form that they have now.
    Copied,
    /// Nobody knows their form any more, or not yet.
    Unreadable,
}

impl Flows {
    pub(super) const fn of(version: u32) -> Self {
        match version {
            FLOWS_SINCE..=ABI_VERSION => Self::Shared,
            5 => Self::Copied,
            _ => Self::Unreadable,
        }
    }

    /// What can be done before this version's maps are made.
    pub(super) fn prepare(self, from: &Pins, to: &Pins) -> io::Result<()> {
        to.create()?;
        for name in MAPS {
            // What an agent made that never came to put something in force.
            remove_file(&to.map(name))?;
            if self == Self::Shared {
                link::pin_again(&from.map(name), &to.map(name))?;
            }
        }
        Ok(())
    }

    /// Copies those that are not there yet, if copies it must be.
    pub(super) fn copy(self, from: &Pins, to: &Pins) -> io::Result<()> {
        if self != Self::Copied {
            return Ok(());
        }
        for name in MAPS {
            let old: Map<FlowKey, FlowOf5> = Map::open(&from.map(name))?;
            let new: Map<FlowKey, [u8; size_of::<Flow>()]> = Map::open(&to.map(name))?;
            for (key, flow) in old.entries()? {
                new.add(&key, &widened(flow))?;
            }
        }
        Ok(())
    }
}

/// Whether flows of a version that cannot be read may be left behind.
pub(super) fn leave(version: u32, from: &Pins, connections: Connections) -> Result<(), Error> {
    let mut flows = 0;
    for name in MAPS {
        flows += match Usage::of_pinned(&from.map(name)) {
            Ok(usage) => usage.map_or(0, |usage| usage.entries),
            // A version that had no such map.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => 0,
            Err(cause) => return Err(Error::kernel("counting flows")(cause)),
        };
    }
    match connections {
        Connections::Keep if flows > 0 => Err(Error::UnreadableFlows { version, flows }),
        _ => {
            if flows > 0 {
                warn!("{flows} flows of version {version} begin anew");
            }
            Ok(())
        }
    }
}

/// A flow of version 5: without [`Flow::past_stack`] and what is reserved beside it.
type FlowOf5 = [u8; 88];
/// Where they are.
const ADDED_AT: usize = std::mem::offset_of!(Flow, past_stack);
const ADDED: usize = size_of::<Flow>() - size_of::<FlowOf5>();

/// The flow in this version's form: it stays in the node's stack, which may have translated it.
fn widened(flow: FlowOf5) -> [u8; size_of::<Flow>()] {
    let (before, behind) = flow.split_at(ADDED_AT);
    let mut wide = [0; size_of::<Flow>()];
    let bytes = before.iter().chain(&[0; ADDED]).chain(behind);
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    wide
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

// What is copied as bytes must be a flow, and have the bytes of one.
const fn is_plain<T: Plain>() {}
const _: () = is_plain::<Flow>();
const _: () = assert!(ADDED == 8 && ADDED_AT == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_known_of_a_flow_stays() {
        let before: FlowOf5 = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let after = widened(before);
        assert_eq!(after[..64], before[..64]);
        assert_eq!(after[64..72], [0; 8]);
        assert_eq!(after[72..], before[64..]);
    }

    #[test]
    fn this_versions_flows_are_shared() {
        assert_eq!(Flows::of(ABI_VERSION), Flows::Shared);
        assert_eq!(Flows::of(FLOWS_SINCE), Flows::Shared);
        assert_eq!(Flows::of(ABI_VERSION + 1), Flows::Unreadable);
    }
}
