//! The node's dataplane: putting a candidate in force, all of it or nothing.
//!
//! Tables and program slots exist twice. [`Dataplane::apply`] fills the side that is not in force,
//! tries each program, makes sure that the hooks are there, and only then stores the state word.
//! Whatever fails before that leaves the side in force as it was.

mod programs;
mod side;

use polc_abi::{
    map,
    node::{Side, State},
};

use crate::{
    Error,
    attach::{Mechanism, sweep_links},
    candidate::Candidate,
    datapath::{Datapath, FlowCapacity},
    pins::Pins,
    sys::{grace::GracePeriod, state_word::StateWord},
};

pub use programs::ClassProgram;
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
    slots: programs::Slots,
    idle: Idle,
}

/// What is known of the side that is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    /// A packet may still use it: the agent before may have died right after its switch.
    Unknown,
    /// No packet has used it since a grace period, and it is empty.
    Empty,
}

/// What was put in force.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The state from now on.
    pub state: State,
    /// The programs, in order of slot.
    pub programs: Vec<ClassProgram>,
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
            slots: programs::Slots::open(&pins)?,
            idle: Idle::Unknown,
            pins,
        })
    }

    /// The state word.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.load()
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
        if !self.tables(side).holds(candidate)? {
            return Ok(false);
        }
        self.attach(candidate)?;
        Ok(true)
    }

    /// Puts a candidate in force. `before_switch` runs last before the point of no return, with
    /// the state that will be in force after it.
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
        let next = old.next(side);

        if self.idle == Idle::Unknown {
            self.empty(side)?;
        }
        self.idle = Idle::Unknown;
        self.tables(side).fill(candidate)?;
        let programs = self.slots.fill(side, candidate)?;
        self.attach(candidate)?;
        before_switch(next)?;
        self.state.store(next);

        // From here on nothing fails: what follows only tidies up.
        if let Err(error) = self.retire(side.other(), candidate) {
            eprintln!("polc-agent: tidying up after the switch: {error}");
        }
        Ok(Applied {
            state: next,
            programs,
        })
    }

    /// Attaches what the candidate needs. New hooks are taken away again when one fails; until
    /// the switch they drop what they see, as their interfaces have no endpoint yet.
    fn attach(&mut self, candidate: &Candidate) -> Result<(), Error> {
        let mut added = Vec::new();
        for hook in &candidate.hooks {
            match self.mechanism.attach(&mut self.datapath, &self.pins, hook) {
                Ok(true) => added.push(hook),
                Ok(false) => {}
                Err(error) => {
                    for hook in added {
                        let _ = self.mechanism.detach(&self.pins, hook);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Empties the side that was in force before, once no packet uses it, and removes hooks of
    /// interfaces that the candidate does not have.
    ///
    /// An endpoint that is gone from the inventory keeps its hooks while its interface exists:
    /// they drop everything. Losing an entry must never open an endpoint.
    fn retire(&mut self, side: Side, candidate: &Candidate) -> Result<(), Error> {
        self.empty(side)?;
        self.idle = Idle::Empty;
        self.pins
            .remove_other_versions()
            .map_err(Error::kernel("removing another version's pins"))?;
        let uplinks: Vec<u32> = candidate
            .hooks
            .iter()
            .filter(|hook| hook.point == crate::attach::HookPoint::FromUplink)
            .map(|hook| hook.ifindex)
            .collect();
        sweep_links(&self.pins, |pin| {
            let uplink = pin
                .strip_prefix("from_uplink-")
                .and_then(|index| index.parse().ok());
            uplink.is_none_or(|index: u32| uplinks.contains(&index))
        })
    }

    /// Empties a side that is not in force, once no packet uses it.
    fn empty(&self, side: Side) -> Result<(), Error> {
        self.grace
            .wait()
            .map_err(Error::kernel("waiting for packets"))?;
        self.slots.clear(side)?;
        self.tables(side).clear()
    }

    const fn tables(&self, side: Side) -> &SideTables {
        match side {
            Side::Zero => &self.zero,
            Side::One => &self.one,
        }
    }
}
