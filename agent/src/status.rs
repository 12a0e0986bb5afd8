//! Collecting how things are.

use std::collections::BTreeSet;

use polc_abi::{
    event::Counter,
    flow::{Flow, FlowKey},
    map,
    verdict::{DeciderId, DropReason},
};
use std::sync::Arc;

use polc_model::{Direction, PolicyId};
use polc_plan::ClassPlan;

use crate::{
    Error,
    api::{Count, DeciderCount, EndpointStatus, Status},
    candidate::Candidate,
    datapath::ProgramSize,
    dataplane::{ClassProgram, Dataplane, judgements::sum},
    flows::record::DecidedBy,
    pins::Pins,
    sys::{map::Map, percpu::PerCpuMap},
};

/// Reads the counters and names what they count.
///
/// # Errors
/// What the kernel says.
pub fn collect(
    dataplane: &Dataplane,
    candidate: &Candidate,
    programs: &[ClassProgram],
    pins: &Pins,
) -> Result<Status, Error> {
    let reading = || Error::kernel("reading a counter");
    let state = dataplane.state();
    let flows = |table| -> Result<usize, Error> {
        let flows: Map<FlowKey, Flow> = Map::open(&pins.map(table)).map_err(reading())?;
        Ok(flows.keys().map_err(reading())?.len())
    };
    let direct: BTreeSet<u32> = dataplane
        .direct_interfaces()
        .filter_map(|ifindex| candidate.endpoints.get(&ifindex))
        .map(|endpoint| endpoint.id)
        .collect();
    Ok(Status {
        package: candidate.meaning.model.package.clone(),
        bundle: candidate.meaning.digest.clone(),
        signed_by: candidate.signed_by.map(|key| key.to_string()),
        epoch: state.epoch(),
        node: candidate.meaning.inventory.node.name.clone(),
        pid: std::process::id(),
        followed: None,
        trial_seconds: None,
        endpoints: candidate
            .local_endpoints()
            .map(|(endpoint, interface)| EndpointStatus {
                name: endpoint.name.clone(),
                interface: interface.map(str::to_owned),
                ingress: policies(candidate, endpoint.ingress_slot, Direction::Ingress),
                egress: policies(candidate, endpoint.egress_slot, Direction::Egress),
                is_direct: direct.contains(&endpoint.id),
            })
            .collect(),
        flows: flows(map::FLOWS)?,
        new_flows: flows(map::NEW_FLOWS)?,
        lost_events: lost_events(pins)?,
        drops: drops(pins)?,
        verdicts: verdicts(dataplane, candidate)?,
        datapath: dataplane.datapath().sizes()?,
        programs: programs
            .iter()
            .map(|program| ProgramSize {
                name: program.class.clone(),
                verified_instructions: program.verified_instructions,
            })
            .collect(),
    })
}

fn policies(candidate: &Candidate, slot: u32, direction: Direction) -> Vec<String> {
    let is_meant = |class: &&Arc<ClassPlan>| class.key.direction == direction;
    let name = |&id: &PolicyId| {
        candidate
            .meaning
            .model
            .policy(id)
            .map(|policy| policy.name.clone())
    };
    candidate
        .tables
        .classes
        .get(slot as usize)
        .filter(is_meant)
        .map(|class| class.key.policies.iter().filter_map(name).collect())
        .unwrap_or_default()
}

/// Events that the ring buffer had no room for.
///
/// # Errors
/// What the kernel says.
pub fn lost_events(pins: &Pins) -> Result<u64, Error> {
    let reading = || Error::kernel("reading a counter");
    let lost: PerCpuMap<u32, u64> =
        PerCpuMap::open(&pins.map(map::LOST_EVENTS)).map_err(reading())?;
    Ok(lost.get(&0).map_err(reading())?.iter().sum())
}

/// Drops by reason, where there were any.
///
/// # Errors
/// What the kernel says.
pub fn drops(pins: &Pins) -> Result<Vec<Count>, Error> {
    let reading = || Error::kernel("reading the drops");
    let drops: PerCpuMap<u32, Counter> =
        PerCpuMap::open(&pins.map(map::DROPS)).map_err(reading())?;
    let mut counts = Vec::new();
    for reason in DropReason::ALL {
        let total = sum(&drops.get(&(*reason as u32)).map_err(reading())?);
        if total.packets > 0 {
            counts.push(Count {
                name: reason.slug().to_owned(),
                packets: total.packets,
                bytes: total.bytes,
            });
        }
    }
    Ok(counts)
}

/// How often each decider decided.
pub type Judged = Vec<(DeciderId, Counter)>;

fn verdicts(dataplane: &Dataplane, candidate: &Candidate) -> Result<Vec<DeciderCount>, Error> {
    let judged = dataplane.judged()?;
    let counts = judged.into_iter().filter_map(|(id, total)| {
        Some(DeciderCount {
            decider: DecidedBy::new(id, Some(&candidate.meaning))?,
            packets: total.packets,
            bytes: total.bytes,
        })
    });
    Ok(counts.collect())
}
