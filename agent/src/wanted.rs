//! What a starting agent should put in force: what it was given, or what is in force already.

use std::path::Path;

use polc_abi::map;

use crate::{
    Error,
    candidate::{Candidate, MissingInterface},
    pins::Pins,
    state_dir::{Source, StartedWith, StateDir},
    sys::state_word::StateWord,
};

/// What should be in force, and whether it is what the agent before left in force.
pub(crate) struct Wanted {
    pub(crate) candidate: Candidate,
    pub(crate) is_in_force: bool,
    pub(crate) started_with: StartedWith,
}

impl Wanted {
    /// Of bundle and inventory, takes what was given where it is not what the agent before was
    /// given, and otherwise what is in force.
    ///
    /// # Errors
    /// See [`Candidate::new`].
    pub(crate) fn new(
        given: Source,
        pins: &Pins,
        state_dir: &StateDir,
        bundle_path: &Path,
        inventory_path: &Path,
    ) -> Result<Self, Error> {
        let before = StateWord::open(&pins.map(map::STATE))
            .ok()
            .and_then(|word| state_dir.load(word.load().epoch()));
        let started_with = StartedWith::of(&given);
        let mut source = given;
        let mut is_in_force = false;
        if let Some((in_force, started_before)) = before {
            if started_before.bundle == started_with.bundle {
                source.bundle.clone_from(&in_force.bundle);
            }
            if started_before.inventory == started_with.inventory {
                source.inventory.clone_from(&in_force.inventory);
            }
            is_in_force = source == in_force;
        }
        let missing = if is_in_force {
            MissingInterface::Skip
        } else {
            MissingInterface::Refuse
        };
        Ok(Self {
            candidate: Candidate::new(source, bundle_path, inventory_path, missing)?,
            is_in_force,
            started_with,
        })
    }
}
