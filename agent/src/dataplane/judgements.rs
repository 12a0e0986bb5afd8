//! How often each decider decided, since its bundle came into force.
//!
//! Programs count for the side that they serve. With each change of the inventory the other side comes
//! into force; what the side before counted is added up here then.

use std::collections::BTreeMap;

use polc_abi::{
    event::{Counter, VerdictCounterKey},
    map,
    node::Side,
    verdict::DeciderId,
};

use crate::{Error, pins::Pins, sys::percpu::PerCpuMap};

/// How often each decider decided.
pub(super) struct Judgements {
    counters: PerCpuMap<VerdictCounterKey, Counter>,
    /// What sides before counted, of this bundle.
    before: BTreeMap<DeciderId, Counter>,
    digest: String,
}

impl Judgements {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        Ok(Self {
            counters: PerCpuMap::open(&pins.map(map::VERDICTS))
                .map_err(Error::kernel("opening the verdicts"))?,
            before: BTreeMap::new(),
            digest: String::new(),
        })
    }

    /// Goes on counting for a bundle that is in force already.
    pub(super) fn resume(&mut self, digest: &str) {
        digest.clone_into(&mut self.digest);
    }

    /// Takes what a side that is not in force has counted, and begins again there. What it counted of
    /// another bundle than the one that is in force now is forgotten: its rules are others.
    pub(super) fn take(&mut self, side: Side, digest: &str) -> Result<(), Error> {
        let is_same = self.digest == digest;
        if !is_same {
            self.before.clear();
            digest.clone_into(&mut self.digest);
        }
        let taking = || Error::kernel("taking the verdicts of before");
        for key in self.counters.keys().map_err(taking())? {
            if key.side() != side {
                continue;
            }
            if is_same {
                let counted = sum(&self.counters.get(&key).map_err(taking())?);
                add(self.before.entry(key.decider()).or_default(), counted);
            }
            self.counters.remove(&key).map_err(taking())?;
        }
        Ok(())
    }

    /// Begins again at a side that is not in force and may have counted under an agent before.
    pub(super) fn forget(&self, side: Side) -> Result<(), Error> {
        let forgetting = || Error::kernel("forgetting the verdicts of before");
        for key in self.counters.keys().map_err(forgetting())? {
            if key.side() == side {
                self.counters.remove(&key).map_err(forgetting())?;
            }
        }
        Ok(())
    }

    /// With what the side in force has counted, in order of decider.
    pub(super) fn all(&self, side: Option<Side>) -> Result<Vec<(DeciderId, Counter)>, Error> {
        let reading = || Error::kernel("reading the verdicts");
        let mut all = self.before.clone();
        for key in self.counters.keys().map_err(reading())? {
            if Some(key.side()) == side {
                let counted = sum(&self.counters.get(&key).map_err(reading())?);
                add(all.entry(key.decider()).or_default(), counted);
            }
        }
        Ok(all.into_iter().collect())
    }
}

/// The sum of the counters of all CPUs.
pub(crate) fn sum(counters: &[Counter]) -> Counter {
    let mut sum = Counter::default();
    for counter in counters {
        add(&mut sum, *counter);
    }
    sum
}

const fn add(to: &mut Counter, counted: Counter) {
    to.packets += counted.packets;
    to.bytes += counted.bytes;
}
