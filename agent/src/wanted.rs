//! What a starting agent should put in force: what it was given, or what is in force already.

use std::path::PathBuf;

use tracing::warn;

use crate::{
    Error,
    candidate::{Candidate, MissingInterface},
    state_dir::{Source, StartedWith, StateDir},
    trust::Trust,
};

/// What should be in force, and whether it is what the agent before left in force.
pub(crate) struct Wanted {
    pub(crate) candidate: Candidate,
    pub(crate) is_in_force: bool,
    pub(crate) started_with: StartedWith,
}

/// What the agent before left behind.
struct Before {
    in_force: Source,
    started_with: StartedWith,
    /// Where the bundle is kept, for messages.
    bundle_path: PathBuf,
}

impl Wanted {
    /// Of bundle and inventory, takes what was given where it is not what the agent before was
    /// given, and otherwise what is in force, which is `epoch`. A bundle in force that this agent would refuse, because
    /// other keys are trusted now or it cannot be read, gives way to the one that was given.
    ///
    /// # Errors
    /// See [`Candidate::new`]. What was given must be good even where it is not what is taken.
    pub(crate) fn new(
        given: Source,
        trust: &Trust,
        epoch: Option<u32>,
        state_dir: &StateDir,
        [bundle_path, inventory_path]: &[PathBuf; 2],
    ) -> Result<Self, Error> {
        trust.check(&given, bundle_path)?;
        let started_with = StartedWith::of(&given);
        let mut given = given;
        let before = epoch.and_then(|epoch| before(epoch, state_dir));
        if let Some(before) = &before {
            if before.started_with.inventory == started_with.inventory {
                given.inventory.clone_from(&before.in_force.inventory);
            }
            if before.started_with.bundle == started_with.bundle {
                let source = Source {
                    inventory: given.inventory.clone(),
                    ..before.in_force.clone()
                };
                let is_in_force = source == before.in_force;
                let missing = missing(is_in_force);
                match Candidate::new(source, trust, &before.bundle_path, inventory_path, missing) {
                    Err(error @ (Error::Untrusted { .. } | Error::Bundle { .. })) => {
                        warn!("{error}; it gives way to the bundle that was given");
                    }
                    candidate => {
                        return Ok(Self {
                            candidate: candidate?,
                            is_in_force,
                            started_with,
                        });
                    }
                }
            }
        }
        let is_in_force = before.is_some_and(|before| before.in_force == given);
        let missing = missing(is_in_force);
        Ok(Self {
            candidate: Candidate::new(given, trust, bundle_path, inventory_path, missing)?,
            is_in_force,
            started_with,
        })
    }
}

fn before(epoch: u32, state_dir: &StateDir) -> Option<Before> {
    let (in_force, started_with) = state_dir.load(epoch)?;
    Some(Before {
        in_force,
        started_with,
        bundle_path: state_dir.bundle(epoch),
    })
}

fn missing(is_in_force: bool) -> MissingInterface {
    if is_in_force {
        MissingInterface::Skip
    } else {
        MissingInterface::Refuse
    }
}
