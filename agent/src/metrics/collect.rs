//! What the agent and the kernel count, as text.
//!
//! Nothing here grows with traffic: labels are reasons, verdicts, maps, and the names of policies.

use std::collections::BTreeMap;

use polc_abi::{event::Counter, map, verdict::DropReason};
use polc_model::{Action, Decider, Enforcement};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::unusable;
use crate::{
    Error,
    agent::Agent,
    candidate::Candidate,
    inspect::party,
    status::{self, Judged},
    sys::usage::Usage,
};

/// Prometheus' text format.
///
/// # Errors
/// What the kernel says.
pub fn text(agent: &Agent) -> Result<String, Error> {
    let (candidate, judged) = agent.judged()?;
    let (_, epoch) = agent.in_force();
    let families = Families(Registry::new());
    in_force(&families, &candidate, epoch)?;
    judgements(&families, &candidate, &judged)?;
    drops(&families, agent)?;
    maps(&families, agent)?;
    let lost = status::lost_events(agent.pins())?;
    families.counter(
        "polc_events_total",
        "Events that the agent read.",
        &[],
        [([], agent.history().count())],
    )?;
    families.counter(
        "polc_events_lost_total",
        "Events that the ring buffer had no room for.",
        &[],
        [([], lost)],
    )?;
    let mut all = families.0.gather();
    all.extend(agent.meters().gather());
    all.sort_by(|one, other| one.name().cmp(other.name()));
    TextEncoder::new().encode_to_string(&all).map_err(unusable)
}

fn in_force(families: &Families, candidate: &Candidate, epoch: u32) -> Result<(), Error> {
    let signed_by = candidate.signed_by.map(|key| key.to_string());
    families.gauge(
        "polc_build_info",
        "The agent's version.",
        &["version"],
        [([env!("CARGO_PKG_VERSION")], 1)],
    )?;
    families.gauge(
        "polc_bundle_info",
        "The bundle in force.",
        &["package", "digest", "signed_by"],
        [(
            [
                candidate.meaning.model.package.as_str(),
                candidate.meaning.digest.as_str(),
                signed_by.as_deref().unwrap_or_default(),
            ],
            1,
        )],
    )?;
    families.single(
        "polc_epoch",
        "Counts the changes of what is in force.",
        epoch as usize,
    )?;
    families.single(
        "polc_policies",
        "Policies in force.",
        candidate.meaning.model.policies.len(),
    )?;
    families.single(
        "polc_endpoints",
        "Endpoints on this node.",
        candidate.tables.endpoints.len(),
    )?;
    families.single(
        "polc_interfaces_missing",
        "Interfaces of the inventory that do not exist.",
        candidate.absent.len(),
    )?;
    families.single(
        "polc_peers",
        "Endpoints, nodes and entities with an address.",
        party::count(&candidate.meaning.inventory),
    )
}

/// What became of what a decider decides. What an audited policy says is only reported.
fn verdict(candidate: &Candidate, decider: Decider) -> &'static str {
    let model = &candidate.meaning.model;
    let policy = model.deciding_policy(decider);
    if policy.is_some_and(|policy| policy.enforcement == Enforcement::Audit) {
        return "audit";
    }
    match decider {
        Decider::Rule(rule) => match model.rule(rule).map(|rule| rule.action) {
            Some(Action::Reject) => "rejected",
            Some(Action::Deny) => "denied",
            _ => "allowed",
        },
        Decider::Isolation(_) | Decider::Init => "denied",
        Decider::NoPolicy | Decider::Itself | Decider::OwnNode => "allowed",
    }
}

fn judgements(families: &Families, candidate: &Candidate, judged: &Judged) -> Result<(), Error> {
    let none = Counter::default();
    let mut by_verdict: BTreeMap<[&str; 1], Counter> = ["allowed", "audit", "denied", "rejected"]
        .map(|verdict| ([verdict], none))
        .into();
    let mut by_policy: BTreeMap<[&str; 2], Counter> = BTreeMap::new();
    for (id, counter) in judged {
        let Some(decider) = candidate.meaning.deciders.decider(*id) else {
            continue;
        };
        let verdict = verdict(candidate, decider);
        add(by_verdict.entry([verdict]).or_default(), *counter);
        if let Some(policy) = candidate.meaning.model.deciding_policy(decider) {
            let key = [policy.name.as_str(), verdict];
            add(by_policy.entry(key).or_default(), *counter);
        }
    }
    families.packets_and_bytes(
        "polc_judged",
        "of packets that were judged: each flow's first, its first after a change, and what was \
         dropped. Begins anew with each epoch.",
        &["verdict"],
        by_verdict,
    )?;
    families.packets_and_bytes(
        "polc_policy",
        "of packets that a policy decided about. Begins anew with each epoch.",
        &["policy", "verdict"],
        by_policy,
    )
}

fn add(sum: &mut Counter, more: Counter) {
    sum.packets += more.packets;
    sum.bytes += more.bytes;
}

fn drops(families: &Families, agent: &Agent) -> Result<(), Error> {
    let mut by_reason: BTreeMap<[&str; 1], Counter> = DropReason::ALL
        .iter()
        .map(|reason| ([reason.slug()], Counter::default()))
        .collect();
    let counted = status::drops(agent.pins())?;
    for count in &counted {
        let sum = by_reason.entry([count.name.as_str()]).or_default();
        add(
            sum,
            Counter {
                packets: count.packets,
                bytes: count.bytes,
            },
        );
    }
    families.packets_and_bytes(
        "polc_dropped",
        "of packets that were dropped, by reason.",
        &["reason"],
        by_reason,
    )
}

fn maps(families: &Families, agent: &Agent) -> Result<(), Error> {
    let mut entries = Vec::new();
    let mut capacities = Vec::new();
    for name in map::ALL {
        let usage = Usage::of_pinned(&agent.pins().map(name))
            .map_err(Error::kernel(format!("looking into the map `{name}`")))?;
        if let Some(usage) = usage {
            entries.push(([name], u64::from(usage.entries)));
            capacities.push(([name], u64::from(usage.capacity)));
        }
    }
    // Made for what it holds, so that only the node's limit says how full it is.
    let addresses = agent.candidate().tables.addresses.len();
    entries.push((
        [map::ADDRESSES],
        u64::try_from(addresses).unwrap_or(u64::MAX),
    ));
    capacities.push(([map::ADDRESSES], u64::from(map::MAX_ADDRESSES)));
    let flows = entries
        .iter()
        .filter(|([name], _)| [map::FLOWS, map::NEW_FLOWS].contains(name));
    let flows: u64 = flows.map(|(_, entries)| *entries).sum();
    families.gauge(
        "polc_flows",
        "Flows in both tables, stale ones included.",
        &[],
        [([], flows)],
    )?;
    families.gauge(
        "polc_map_entries",
        "Entries that a map holds.",
        &["map"],
        entries,
    )?;
    families.gauge(
        "polc_map_capacity",
        "Entries that a map can hold.",
        &["map"],
        capacities,
    )
}

/// Metrics that are made for one answer.
struct Families(Registry);

impl Families {
    fn gauge<'a, const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
        values: impl IntoIterator<Item = ([&'a str; LABELS], u64)>,
    ) -> Result<(), Error> {
        let family = IntGaugeVec::new(Opts::new(name, help), labels).map_err(unusable)?;
        for (labels, value) in values {
            let gauge: IntGauge = family
                .get_metric_with_label_values(&labels)
                .map_err(unusable)?;
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.0.register(Box::new(family)).map_err(unusable)
    }

    fn single(&self, name: &str, help: &str, value: usize) -> Result<(), Error> {
        self.gauge(name, help, &[], [([], value as u64)])
    }

    fn counter<'a, const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
        values: impl IntoIterator<Item = ([&'a str; LABELS], u64)>,
    ) -> Result<(), Error> {
        let family = IntCounterVec::new(Opts::new(name, help), labels).map_err(unusable)?;
        for (labels, value) in values {
            let counter = family
                .get_metric_with_label_values(&labels)
                .map_err(unusable)?;
            counter.inc_by(value);
        }
        self.0.register(Box::new(family)).map_err(unusable)
    }

    /// `NAME_packets_total` and `NAME_bytes_total`.
    fn packets_and_bytes<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
        values: BTreeMap<[&str; LABELS], Counter>,
    ) -> Result<(), Error> {
        let packets = values
            .iter()
            .map(|(labels, count)| (*labels, count.packets));
        let (packets_help, bytes_help) = (format!("Number {help}"), format!("Bytes {help}"));
        self.counter(
            &format!("{name}_packets_total"),
            &packets_help,
            labels,
            packets,
        )?;
        let bytes = values.iter().map(|(labels, count)| (*labels, count.bytes));
        self.counter(&format!("{name}_bytes_total"), &bytes_help, labels, bytes)
    }
}
