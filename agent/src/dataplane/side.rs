//! The tables of one side.

use polc_abi::{
    event::{Counter, VerdictCounterKey},
    key::Address,
    map,
    node::{Endpoint, Peer, PrefixKey, Side},
};

use crate::{
    Error,
    candidate::Candidate,
    pins::Pins,
    sys::{map::Map, percpu::PerCpuMap},
};

/// The tables of one side.
pub(super) struct SideTables {
    side: Side,
    endpoints: Map<u32, Endpoint>,
    addresses: Map<Address, Peer>,
    prefixes: Map<PrefixKey, Peer>,
    verdicts: PerCpuMap<VerdictCounterKey, Counter>,
}

impl SideTables {
    pub(super) fn open(pins: &Pins, side: Side) -> Result<Self, Error> {
        let opening = || Error::kernel("opening a table");
        Ok(Self {
            side,
            endpoints: Map::open(&pins.map(map::endpoints(side))).map_err(opening())?,
            addresses: Map::open(&pins.map(map::addresses(side))).map_err(opening())?,
            prefixes: Map::open(&pins.map(map::prefixes(side))).map_err(opening())?,
            verdicts: PerCpuMap::open(&pins.map(map::VERDICTS)).map_err(opening())?,
        })
    }

    /// Replaces everything. Only for the side that is not in force.
    pub(super) fn fill(&self, candidate: &Candidate) -> Result<(), Error> {
        self.clear()?;
        let filling = || Error::kernel("filling a table");
        let tables = &candidate.tables;
        self.endpoints
            .set_all(&self.expected(candidate))
            .map_err(filling())?;
        self.addresses
            .set_all(&tables.addresses)
            .map_err(filling())?;
        self.prefixes.set_all(&tables.prefixes).map_err(filling())
    }

    /// Empties the tables and forgets the counters of this side's deciders.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let clearing = || Error::kernel("clearing a table");
        self.endpoints.clear().map_err(clearing())?;
        self.addresses.clear().map_err(clearing())?;
        self.prefixes.clear().map_err(clearing())?;
        for key in self.verdicts.keys().map_err(clearing())? {
            if key.side() == self.side {
                self.verdicts.remove(&key).map_err(clearing())?;
            }
        }
        Ok(())
    }

    /// Whether the side holds exactly the candidate's endpoints, on the same interfaces.
    pub(super) fn holds(&self, candidate: &Candidate) -> Result<bool, Error> {
        let mut entries = self
            .endpoints
            .entries()
            .map_err(Error::kernel("reading the endpoints"))?;
        entries.sort_by_key(|(ifindex, _)| *ifindex);
        Ok(entries == self.expected(candidate))
    }

    /// The candidate's endpoints with this side's slots, in order of interface.
    fn expected(&self, candidate: &Candidate) -> Vec<(u32, Endpoint)> {
        let first = self.side.first_slot();
        candidate
            .endpoints
            .iter()
            .map(|(&ifindex, &endpoint)| {
                let endpoint = Endpoint {
                    ingress_slot: endpoint.ingress_slot + first,
                    egress_slot: endpoint.egress_slot + first,
                    ..endpoint
                };
                (ifindex, endpoint)
            })
            .collect()
    }
}
