//! What a starting agent should put in force: what it was given, or what is in force already.

use std::{path::PathBuf, sync::Arc};

use tracing::warn;

use crate::{
    Error,
    candidate::{Candidate, MissingInterface},
    state_dir::{Left, Source, StartedWith, StateDir},
    trust::Trust,
};

/// What should be in force, and whether it is what the agent before left in force.
pub(crate) struct Wanted {
    pub(crate) candidate: Candidate,
    pub(crate) is_in_force: bool,
    pub(crate) started_with: StartedWith,
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
        let Some((before, kept)) = epoch.and_then(|epoch| before(epoch, state_dir)) else {
            let missing = MissingInterface::Refuse;
            return Ok(Self {
                candidate: Candidate::new(given, trust, bundle_path, inventory_path, missing)?,
                is_in_force: false,
                started_with,
            });
        };
        given.endpoints = Arc::clone(&before.endpoints);
        if before.started_with.inventory == started_with.inventory {
            given.inventory_digest.clone_from(&before.inventory_digest);
            // Without one of its own, it is the one that was given.
            if let Some(inventory) = before.inventory {
                given.inventory = inventory;
            }
        }
        let is_same_inventory = before.inventory_digest == given.inventory_digest;
        if before.started_with.bundle == started_with.bundle {
            let source = Source {
                bundle: before.bundle.clone(),
                signature: before.signature.clone(),
                ..given.clone()
            };
            let missing = missing(is_same_inventory);
            match Candidate::new(source, trust, &kept, inventory_path, missing) {
                Err(error @ (Error::Untrusted { .. } | Error::Bundle { .. })) => {
                    warn!("{error}; it gives way to the bundle that was given");
                }
                candidate => {
                    return Ok(Self {
                        candidate: candidate?,
                        is_in_force: is_same_inventory,
                        started_with,
                    });
                }
            }
        }
        let is_in_force = is_same_inventory
            && before.bundle == given.bundle
            && before.signature == given.signature;
        let missing = missing(is_in_force);
        Ok(Self {
            candidate: Candidate::new(given, trust, bundle_path, inventory_path, missing)?,
            is_in_force,
            started_with,
        })
    }
}

/// What the agent before left in force, and where its bundle is kept, for messages.
fn before(epoch: u32, state_dir: &StateDir) -> Option<(Left, PathBuf)> {
    Some((state_dir.load(epoch)?, state_dir.bundle(epoch)))
}

fn missing(is_in_force: bool) -> MissingInterface {
    if is_in_force {
        MissingInterface::Skip
    } else {
        MissingInterface::Refuse
    }
}
