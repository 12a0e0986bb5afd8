//! The node's dataplane: putting a candidate in force, all of it or nothing.
//!
//! Tables and program slots exist twice. [`Dataplane::apply`] fills the side that is not in force,
//! tries each program, makes sure that the hooks are there, and only then stores the state word.
//! Whatever fails before that leaves the side in force as it was.

pub mod addresses;
mod connections;
mod held;
pub(crate) mod judgements;
mod programs;
mod side;

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::{
    event::Counter,
    map,
    node::{Side, State},
    verdict::DeciderId,
};
use tracing::warn;

use crate::{
    Error,
    attach::{Hook, Mechanism, sweep_links},
    candidate::Candidate,
    datapath::{Datapath, FlowCapacity},
    delivery::{Delivery, Links},
    links::GoneLinks,
    pins::{self, Pins},
    sys::{grace::GracePeriod, state_word::StateWord},
};

use connections::Connections;
use judgements::Judgements;
pub use programs::ClassProgram;
use programs::Programs;
use side::SideTables;

/// The maps and programs of a node.
pub struct Dataplane {
    pins: Pins,
    mechanism: Mechanism,
    datapath: Datapath,
    state: StateWord,
    grace: GracePeriod,
    zero: SideTables,
    one: SideTables,
    programs: Programs,
    judgements: Judgements,
    links: Links,
    connections: Connections,
    idle: Idle,
    /// Hooks that run this agent's programs.
    attached: BTreeSet<Hook>,
    /// The epoch of another version's agent, which the first epoch of this one comes after.
    after: u32,
    gone: GoneLinks,
    /// The hooks at uplinks when those of others were removed last.
    at_uplinks: Option<Vec<Hook>>,
}

/// What is known of the side that is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    /// A packet may still use it: the agent before may have died right after its switch.
    Unknown,
    /// No packet has used it since a grace period.
    Quiet,
}

/// What was put in force.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The state from now on.
    pub state: State,
    /// The programs, in order of slot.
    pub programs: Vec<ClassProgram>,
    /// How many classes' programs were loaded; the others were there.
    pub loaded: usize,
}

impl Dataplane {
    /// As [`Self::open_for`], for as many flows as there are by default.
    ///
    /// # Errors
    /// See [`Datapath::load`].
    pub fn open(pins: Pins, mechanism: Mechanism) -> Result<Self, Error> {
        Self::open_for(pins, mechanism, FlowCapacity::default())
    }

    /// Loads the datapath and opens its maps: new ones, or those of the agent before, however many
    /// flows they hold. What is in force stays in force.
    ///
    /// # Errors
    /// See [`Datapath::load`].
    pub fn open_for(pins: Pins, mechanism: Mechanism, flows: FlowCapacity) -> Result<Self, Error> {
        pins.create()
            .map_err(Error::kernel("making directories for pins"))?;
        let datapath = Datapath::load(&pins, flows)?;
        Ok(Self {
            mechanism,
            datapath,
            state: StateWord::open(&pins.map(map::STATE))
                .map_err(Error::kernel("mapping the state word"))?,
            grace: GracePeriod::new().map_err(Error::kernel("making a map of maps"))?,
            zero: SideTables::open(&pins, Side::Zero)?,
            one: SideTables::open(&pins, Side::One)?,
            programs: Programs::open(&pins)?,
            judgements: Judgements::open(&pins)?,
            links: Links::default(),
            connections: Connections::open(&pins)?,
            idle: Idle::Unknown,
            attached: BTreeSet::new(),
            after: 0,
            gone: GoneLinks::listen().map_err(Error::kernel("listening for interfaces"))?,
            at_uplinks: None,
            pins,
        })
    }

    /// The state word.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.load()
    }

    /// How packets are delivered from the next [`Self::resume`] or [`Self::apply`] on.
    pub fn deliver(&mut self, delivery: Delivery) {
        self.links = Links::new(delivery);
    }

    /// The endpoints' interfaces behind which packets get past the node's stack.
    pub fn direct_interfaces(&self) -> impl Iterator<Item = u32> {
        self.links.direct()
    }

    /// Whether the endpoints' links are still as the tables in force say.
    pub fn links_are_current(&mut self) -> bool {
        self.links.are_current()
    }

    /// The fixed programs.
    #[must_use]
    pub const fn datapath(&self) -> &Datapath {
        &self.datapath
    }

    /// Goes on with what is in force, if that is this candidate on these interfaces: moves the
    /// hooks to this agent's programs and changes nothing else.
    ///
    /// # Errors
    /// A hook cannot be moved.
    pub fn resume(&mut self, candidate: &Candidate) -> Result<bool, Error> {
        let Some(side) = self.state().side() else {
            return Ok(false);
        };
        let links = self.links.of(candidate.ifindices());
        if !self.tables(side).holds(candidate, &links)? {
            return Ok(false);
        }
        self.attach(&candidate.hooks)?;
        self.links.put_in_force(links);
        self.judgements.resume(&candidate.meaning.digest);
        // An agent that died while it took over from another version has left some.
        self.remove_other_versions()?;
        Ok(true)
    }

    /// Makes the first epoch follow this one, of flows that were taken over.
    pub(crate) const fn begin_after(&mut self, epoch: u32) {
        self.after = epoch;
    }

    /// Goes on, where nothing is in force by these maps, with what is in force by another version's:
    /// under the same epoch, so that both versions' programs may judge the same flows. `adopt_links`
    /// gives this agent the hooks that run the other's programs; they are moved one by one then.
    ///
    /// # Errors
    /// Before `adopt_links`, nothing was changed that a packet sees. After it, hooks that have moved and
    /// hooks that have not enforce the same.
    pub(crate) fn go_on_at(
        &mut self,
        epoch: u32,
        candidate: &Candidate,
        adopt_links: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let side = Side::Zero;
        let filled = self.programs.fill(side, candidate)?;
        // All in the stack at first: the other version's hooks may still be at either end.
        let routed = BTreeMap::new();
        self.tables_mut(side).fill(candidate, &filled, &routed, 0)?;
        self.state.store(State::new(side, epoch));
        adopt_links()?;
        self.attach(&candidate.hooks)
    }

    /// Puts a candidate in force. `before_switch` runs when everything is ready but for new hooks, with
    /// the state that will be in force after the switch.
    ///
    /// # Errors
    /// Whatever happens, either the candidate is in force or what was before is, whole.
    pub fn apply(
        &mut self,
        candidate: &Candidate,
        before_switch: impl FnOnce(State) -> Result<(), Error>,
    ) -> Result<Applied, Error> {
        let old = self.state();
        let side = old.side().map_or(Side::Zero, Side::other);
        let next = match old.side() {
            Some(_) => old.next(side),
            None => State::new(side, self.after).next(side),
        };

        if self.idle == Idle::Unknown {
            self.wait()?;
            self.idle = Idle::Quiet;
        }
        // Most often nothing: the side was retired.
        self.judgements.forget(side)?;
        let filled = self.programs.fill(side, candidate)?;
        let links = self.links.of(candidate.ifindices());
        let outside = self.links.outside();
        self.tables_mut(side)
            .fill(candidate, &filled, &links, outside)?;
        let governs_anew = candidate.tables.node.is_some() && !self.is_node_governed()?;
        if governs_anew {
            self.connections.make_known(old.epoch())?;
        }
        before_switch(next)?;
        // Last, as it is the one step that an interface feels which the side in force does not know.
        self.attach_or_undo(&candidate.hooks)?;
        self.idle = Idle::Unknown;
        self.state.store(next);
        self.links.put_in_force(links);

        // From here on nothing fails: what follows only tidies up.
        if governs_anew {
            // Those that were opened since.
            if let Err(error) = self.connections.make_known(old.epoch()) {
                warn!("{error}");
            }
        }
        if let Err(error) = self.retire(side.other(), candidate) {
            warn!("tidying up after the switch: {error}");
        }
        Ok(Applied {
            state: next,
            programs: filled.programs,
            loaded: filled.loaded,
        })
    }

    /// Whether policies in force apply to the node.
    fn is_node_governed(&self) -> Result<bool, Error> {
        match self.state().side() {
            Some(side) => self.tables(side).has_node(),
            None => Ok(false),
        }
    }

    /// Makes sure that the hooks of what is in force run this agent's programs. One that fails keeps none
    /// of the others open.
    fn attach(&mut self, hooks: &[Hook]) -> Result<(), Error> {
        let mut result = Ok(());
        self.forget_gone();
        for hook in hooks {
            if self.attached.contains(hook) {
                continue;
            }
            let attached = self.mechanism.attach(&mut self.datapath, &self.pins, hook);
            if attached.is_ok() {
                self.attached.insert(hook.clone());
            }
            result = result.and(attached.map(|_| ()));
        }
        result
    }

    /// As [`Self::attach`], for what is not in force yet: hooks that are new are taken away again when
    /// one fails. Until the switch they drop what they see, as their interfaces have no endpoint yet.
    fn attach_or_undo(&mut self, hooks: &[Hook]) -> Result<(), Error> {
        let mut added = Vec::new();
        self.forget_gone();
        for hook in hooks {
            if self.attached.contains(hook) {
                continue;
            }
            match self.mechanism.attach(&mut self.datapath, &self.pins, hook) {
                Ok(is_new) => {
                    self.attached.insert(hook.clone());
                    added.extend(is_new.then_some(hook));
                }
                Err(error) => {
                    for hook in added {
                        self.attached.remove(hook);
                        let _ = self.mechanism.detach(&self.pins, hook);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Unloads what the side that was in force before alone used, once no packet uses it, and removes
    /// hooks of interfaces that the candidate does not have. Its tables stay as they are: what changes
    /// next is most often little.
    ///
    /// An endpoint that is gone from the inventory keeps its hooks while its interface exists:
    /// they drop everything. Losing an entry must never open an endpoint.
    fn retire(&mut self, side: Side, candidate: &Candidate) -> Result<(), Error> {
        // An interface may have been made anew with the same index while the others were looked at.
        let attached = self.attach(&candidate.hooks);
        self.wait()?;
        self.idle = Idle::Quiet;
        self.judgements.take(side, &candidate.meaning.digest)?;
        self.programs.retire(side)?;
        attached?;
        self.remove_other_versions()?;
        // What is attached to an uplink that is none any more goes, and so does what judges the node
        // where no policy applies to it any more.
        let hooks = candidate.hooks.iter();
        let wanted: Vec<Hook> = hooks.filter(|hook| hook.is_at_uplink()).cloned().collect();
        if self.at_uplinks.as_ref() == Some(&wanted) {
            return Ok(());
        }
        sweep_links(&self.pins, |pin| {
            let is_of_uplink = pin.starts_with("from_uplink-") || pin.starts_with("to_uplink-");
            let is_wanted =
                |hook: &Hook| pin == pins::link_name(hook.point.program(), hook.ifindex);
            !is_of_uplink || wanted.iter().any(is_wanted)
        })?;
        self.at_uplinks = Some(wanted);
        Ok(())
    }

    /// Removes what an agent of another version had here, where this one's hooks have taken its place.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn remove_other_versions(&self) -> Result<(), Error> {
        self.pins
            .remove_other_versions()
            .map_err(Error::kernel("removing another version's pins"))
    }

    /// Forgets the hooks of interfaces that are gone: one that is made anew has none, even with the same
    /// index.
    fn forget_gone(&mut self) {
        let gone = self.gone.take();
        self.attached.retain(|hook| !gone.has(hook.ifindex));
    }

    /// Waits until no packet uses the side that is not in force.
    fn wait(&self) -> Result<(), Error> {
        self.grace
            .wait()
            .map_err(Error::kernel("waiting for packets"))
    }

    /// How often each decider of the bundle in force decided, in order of decider.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn judged(&self) -> Result<Vec<(DeciderId, Counter)>, Error> {
        self.judgements.all(self.state().side())
    }

    /// Whether a candidate can go on with programs that are loaded, which keeps to the places of the
    /// one in force.
    #[must_use]
    pub const fn can_go_on(&self) -> bool {
        self.programs.can_go_on()
    }

    const fn tables_mut(&mut self, side: Side) -> &mut SideTables {
        match side {
            Side::Zero => &mut self.zero,
            Side::One => &mut self.one,
        }
    }

    const fn tables(&self, side: Side) -> &SideTables {
        match side {
            Side::Zero => &self.zero,
            Side::One => &self.one,
        }
    }
}
