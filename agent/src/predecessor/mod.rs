//! Taking over from an agent of another ABI version: its flows, its policy, its hooks.
//!
//! Maps of another version have another layout, so they are not opened, but for the state word, which is
//! the same in every one, and for the flows: where they have this version's form, their maps are pinned
//! once more among this version's, so that both versions' programs use the same ones; where they had
//! another that is known, they are copied. Then this version's tables are filled with the policy that is in force, under the epoch that is in
//! force: what either version's hooks write into a flow holds for the other's. So hooks can move to
//! this version's programs one by one, each between two packets, and no packet notices.
//!
//! Flows that this agent cannot read are nothing that it can do away with by itself: it says how many
//! connections it would cut, and ends, unless it is told to.

mod flows;

use std::{fs, io, path::Path};

use polc_abi::{ABI_VERSION, map::STATE, node::State};
use tracing::{info, warn};

use flows::Flows;

use crate::{
    Error,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::{self, Pins},
    state_dir::{Source, StateDir},
    sys::map::Map,
    trust::Trust,
};

/// What to do about connections whose flows cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Give up, so that they live on.
    Keep,
    /// Let them be cut.
    Cut,
}

/// An agent of another version whose policy is in force on the node.
#[derive(Debug)]
pub(crate) struct Predecessor {
    version: u32,
    pins: Pins,
    epoch: u32,
}

/// The epoch that is in force by the pins of one version.
pub(crate) fn epoch_of(pins: &Pins) -> Option<u32> {
    let state: Map<u32, u64> = Map::open(&pins.map(STATE)).ok()?;
    let state = State(state.get(&0).ok()??);
    state.side().map(|_| state.epoch())
}

impl Predecessor {
    /// Who is to be taken over from: the newest of other versions, where nothing is in force by this
    /// one.
    ///
    /// # Errors
    /// The pins cannot be read.
    pub(crate) fn find(pins: &Pins) -> Result<Option<Self>, Error> {
        if epoch_of(pins).is_some() {
            return Ok(None);
        }
        let versions = pins.other_versions();
        let versions = versions.map_err(Error::kernel("looking for another version's pins"))?;
        let in_force = versions.into_iter().filter_map(|(version, pins)| {
            let epoch = epoch_of(&pins)?;
            Some(Self {
                version,
                pins,
                epoch,
            })
        });
        Ok(in_force.max_by_key(|predecessor| predecessor.version))
    }

    /// The epoch that it put in force.
    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Makes its flows this version's. Before this version's maps are made.
    ///
    /// # Errors
    /// They cannot be read by this version, there are some, and they are to be kept; or what the kernel
    /// says.
    pub(crate) fn keep_flows(&self, pins: &Pins, connections: Connections) -> Result<(), Error> {
        match Flows::of(self.version) {
            Flows::Unreadable => flows::leave(self.version, &self.pins, connections),
            flows => flows
                .prepare(&self.pins, pins)
                .map_err(Error::kernel("taking over flows")),
        }
    }

    /// Puts its policy in force by this version's programs, and moves its hooks to them. What cannot be
    /// put in force, because it is not trusted any more or cannot be read, is left as it is, until what
    /// comes next takes its place. `given` is what this agent is started with: the inventory that is in
    /// force may be that one.
    ///
    /// # Errors
    /// What the kernel says. Hooks that have moved and hooks that have not enforce the same.
    pub(crate) fn hand_over(
        &self,
        dataplane: &mut Dataplane,
        pins: &Pins,
        state_dir: &StateDir,
        trust: &Trust,
        given: &Source,
    ) -> Result<(), Error> {
        dataplane.begin_after(self.epoch);
        let flows = Flows::of(self.version);
        let copy = || {
            let copied = flows.copy(&self.pins, pins);
            copied.map_err(Error::kernel("copying flows"))
        };
        copy()?;
        let left = state_dir.load(self.epoch);
        let Some(source) = left.and_then(|left| left.source(given)) else {
            warn!("of epoch {} that is in force nothing is known", self.epoch);
            return Ok(());
        };
        let (path, missing) = (state_dir.bundle(self.epoch), MissingInterface::Skip);
        let candidate = match Candidate::new(source, trust, &path, Path::new(""), missing) {
            Ok(candidate) => candidate,
            Err(cause) => {
                warn!("{cause}; it stays in force until what comes next takes its place");
                return Ok(());
            }
        };
        dataplane.go_on_at(self.epoch, &candidate, || {
            pins.adopt_links(&self.pins)
                .map_err(Error::kernel("taking over hooks"))
        })?;
        // Those that began at a hook that had not moved yet.
        copy()?;
        dataplane.remove_other_versions()?;
        info!(
            from = self.version,
            to = ABI_VERSION,
            epoch = self.epoch,
            "takes over from another version"
        );
        Ok(())
    }
}

impl Pins {
    /// Makes links of another version this version's, as they are: they run the programs that they ran.
    ///
    /// # Errors
    /// What the kernel says.
    fn adopt_links(&self, other: &Self) -> io::Result<()> {
        for pin in pins::entries(&other.links())? {
            let Some(name) = pin.file_name() else {
                continue;
            };
            let own = self.links().join(name);
            if !own.exists() {
                fs::rename(&pin, own)?;
            }
        }
        Ok(())
    }
}
