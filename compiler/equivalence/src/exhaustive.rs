//! One packet for each equivalence class of a class's packets: every signature that some peer has,
//! every protocol and port interval, at both of its ends. Each is asked of the programs and of the
//! reference interpreter.
//!
//! Signatures are found by asking, selector after selector, whether a peer can satisfy it or not
//! beside what was chosen before: [`polc_logic`] answers with a peer, which is asked about then.

use std::{collections::BTreeSet, fmt};

use polc_abi::{
    key::{L4Key, protocol},
    verdict::DeciderId,
};
use polc_codegen::ClassProgram;
use polc_logic::{Witness, satisfy};
use polc_model::{
    Decider, Decision, Direction, Entity, IcmpFamily, L4Packet, Model, NamedPort, NamedPorts,
    PeerFacts, Phase, PortProtocol, SelectorExpr, SelectorId, Verdict, l4::NO_PORTS,
};
use polc_plan::{
    ClassKey, ClassPlan, Deciders, Decisions, Leaves, Names, PortName, layout::WORD_BITS,
    raw_verdict,
};
use polc_reference::{Party, audit, judge};
use polc_tables::Placement;

use crate::{Machine, Said};

/// How much was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Packets.
    pub packets: usize,
    /// Different signatures, of all classes.
    pub signatures: usize,
    /// Classes that no endpoint can be in: policies that select no endpoint together, or not
    /// without another.
    pub empty_classes: usize,
    /// Classes with more signatures than were asked, or selectors about which deciding would take
    /// too long.
    pub cut_classes: usize,
}

/// A packet about which the programs and the reference disagree.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// The class.
    pub key: ClassKey,
    /// The peer.
    pub peer: Witness,
    /// What the packet shows above L3.
    pub l4: L4Packet,
    /// What the reference says.
    pub expected: Said,
    /// What the programs say, or why they say nothing.
    pub actual: Result<Said, String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {:?}, {} at {}: expected {:?}, actually {:?}",
            self.key.direction, self.key.policies, self.peer, self.l4, self.expected, self.actual
        )
    }
}

/// Asks about one class. `most` is the largest number of signatures that are asked.
///
/// # Errors
/// The first packet about which programs and reference disagree.
pub fn exhaust(
    model: &Model,
    class: &ClassPlan,
    program: &ClassProgram,
    most: usize,
    coverage: &mut Coverage,
) -> Result<(), Box<Wrong>> {
    let subject = match subject_of(model, &class.key) {
        Subject::Found(subject) => subject,
        Subject::Impossible => {
            coverage.empty_classes += 1;
            return Ok(());
        }
        Subject::Unknown => {
            coverage.cut_classes += 1;
            return Ok(());
        }
    };
    // As on a node that has this class alone.
    let placement = Placement::of([class]).unwrap_or_default();
    let machine = Machine::new(program, &class.layout, &placement);
    let mut asked = Asked {
        model,
        class,
        placement: &placement,
        subject: &subject,
        machine: machine.map_err(|cause| cause.to_string()),
        packets: packets(class),
        deciders: Deciders::of(model),
    };
    let (peers, is_whole) = peers(model, class, most);
    coverage.cut_classes += usize::from(!is_whole);
    coverage.signatures += peers.len();
    for peer in peers {
        coverage.packets += asked.ask(&peer)?;
    }
    Ok(())
}

enum Subject {
    Found(Witness),
    /// Nothing is selected by just these policies.
    Impossible,
    /// Finding out would take too long.
    Unknown,
}

/// An endpoint of the class: selected by its policies and by no other of the direction.
fn subject_of(model: &Model, key: &ClassKey) -> Subject {
    let expr = |id| model.selector(id).map(|selector| selector.expr.clone());
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    wanted.push(SelectorExpr::Entity(match key.phase {
        Phase::Ready => Entity::Endpoints,
        Phase::Init => Entity::Init,
    }));
    for (id, policy) in model.policies_with_ids() {
        if policy.covers(key.direction).is_some()
            && let Some(subject) = expr(policy.subject)
        {
            if key.policies.contains(&id) {
                wanted.push(subject);
            } else {
                unwanted.push(subject);
            }
        }
    }
    match satisfy(&chosen(&wanted, &unwanted)) {
        Ok(Some(witness)) => Subject::Found(witness),
        Ok(None) => node_of(model, key),
        Err(_) => Subject::Unknown,
    }
}

/// The node, where it can be of the class: of the policies that are about nodes, those of the class
/// select it and no others.
fn node_of(model: &Model, key: &ClassKey) -> Subject {
    let (mut wanted, mut unwanted) = (vec![SelectorExpr::Entity(Entity::Host)], Vec::new());
    for (id, policy) in model.policies_with_ids() {
        let subject = model.selector(policy.subject).map(|one| one.expr.clone());
        let Some(subject) = subject.filter(SelectorExpr::names_host) else {
            continue;
        };
        if key.policies.contains(&id) {
            wanted.push(subject);
        } else if policy.covers(key.direction).is_some() {
            unwanted.push(subject);
        }
    }
    match satisfy(&chosen(&wanted, &unwanted)) {
        Ok(Some(node)) if ClassKey::of(model, key.direction, &node.facts()) == *key => {
            Subject::Found(node)
        }
        Ok(_) => Subject::Impossible,
        Err(_) => Subject::Unknown,
    }
}

fn chosen(satisfied: &[SelectorExpr], not: &[SelectorExpr]) -> SelectorExpr {
    SelectorExpr::Minus(
        Box::new(SelectorExpr::AllOf(satisfied.to_vec())),
        Box::new(SelectorExpr::AnyOf(not.to_vec())),
    )
}

/// A peer for each signature, up to `most`, and whether that is all of them.
fn peers(model: &Model, class: &ClassPlan, most: usize) -> (Vec<Witness>, bool) {
    let selectors: Vec<SelectorExpr> = selectors(class)
        .into_iter()
        .filter_map(|id| Some(model.selector(id)?.expr.clone()))
        .collect();
    let mut search = Search {
        selectors: &selectors,
        most,
        found: Vec::new(),
        is_whole: true,
    };
    if let Ok(Some(anybody)) = satisfy(&SelectorExpr::ALL) {
        search.walk(&mut Vec::new(), &mut Vec::new(), anybody);
    }
    (search.found, search.is_whole)
}

fn selectors(class: &ClassPlan) -> BTreeSet<SelectorId> {
    let of = |decisions: &Decisions| -> Vec<SelectorId> {
        match &decisions.leaves {
            Leaves::Tests(leaves) => leaves
                .iter()
                .flat_map(|leaf| &leaf.steps)
                .filter_map(|step| step.when)
                .collect(),
            Leaves::Bitmap(bitmap) => bitmap
                .tiers
                .iter()
                .flat_map(|tier| &tier.columns)
                .map(|column| column.peer)
                .collect(),
        }
    };
    class.scopes().flat_map(of).collect()
}

struct Search<'a> {
    selectors: &'a [SelectorExpr],
    most: usize,
    found: Vec<Witness>,
    is_whole: bool,
}

impl Search<'_> {
    /// Goes on with the selector behind those that were chosen, of which `peer` is a witness.
    fn walk(
        &mut self,
        satisfied: &mut Vec<SelectorExpr>,
        not: &mut Vec<SelectorExpr>,
        peer: Witness,
    ) {
        if self.found.len() >= self.most {
            self.is_whole = false;
            return;
        }
        let Some(next) = self.selectors.get(satisfied.len() + not.len()).cloned() else {
            self.found.push(peer);
            return;
        };
        let holds = next.matches(&peer.facts());
        for choice in [true, false] {
            let list = if choice { &mut *satisfied } else { &mut *not };
            list.push(next.clone());
            // The witness of what was chosen before is one of one of both choices.
            let witness = if choice == holds {
                Ok(Some(peer.clone()))
            } else {
                satisfy(&chosen(satisfied, not))
            };
            match witness {
                Ok(Some(witness)) => self.walk(satisfied, not, witness),
                Ok(None) => {}
                Err(_) => self.is_whole = false,
            }
            let list = if choice { &mut *satisfied } else { &mut *not };
            list.pop();
        }
    }
}

/// A packet for both ends of each interval.
fn packets(class: &ClassPlan) -> Vec<L4Packet> {
    let mut keys: BTreeSet<u32> = [L4Key::ANY_LAST.0].into();
    for interval in class.scopes().flat_map(|scope| &scope.intervals) {
        keys.insert(interval.first);
        keys.extend(interval.first.checked_sub(1));
    }
    let packets: BTreeSet<L4Packet> = keys.into_iter().map(L4Key).map(packet).collect();
    packets.into_iter().collect()
}

/// The packet with this key; where there is none, one of the same protocol.
fn packet(key: L4Key) -> L4Packet {
    let [kind, code] = key.low().to_be_bytes();
    match key.protocol() {
        protocol::TCP => L4Packet::Port(PortProtocol::Tcp, key.low()),
        protocol::UDP => L4Packet::Port(PortProtocol::Udp, key.low()),
        protocol::SCTP => L4Packet::Port(PortProtocol::Sctp, key.low()),
        protocol::ICMP => L4Packet::Icmp(IcmpFamily::V4, kind, code),
        protocol::ICMPV6 => L4Packet::Icmp(IcmpFamily::V6, kind, code),
        other => L4Packet::Protocol(other),
    }
}

struct Asked<'a> {
    model: &'a Model,
    class: &'a ClassPlan,
    placement: &'a Placement,
    subject: &'a Witness,
    machine: Result<Machine, String>,
    packets: Vec<L4Packet>,
    deciders: Deciders,
}

impl Asked<'_> {
    /// Asks about every packet from or to a peer. How many there were.
    fn ask(&mut self, peer: &Witness) -> Result<usize, Box<Wrong>> {
        let signature = self.signature(peer);
        let mut asked = 0;
        for l4 in self.packets.clone() {
            for ports in self.named_ports(l4) {
                asked += usize::from(self.ask_one(peer, l4, &ports, &signature)?);
            }
        }
        Ok(asked)
    }

    /// Asks about one packet, whose receiver has these named ports. Whether programs are asked.
    fn ask_one(
        &mut self,
        peer: &Witness,
        l4: L4Packet,
        ports: &NamedPorts,
        signature: &[u64],
    ) -> Result<bool, Box<Wrong>> {
        let direction = self.class.key.direction;
        let party = |name, facts, receives| Party {
            name,
            facts: PeerFacts {
                ports: if direction == receives {
                    ports
                } else {
                    &NO_PORTS
                },
                ..facts
            },
        };
        let subject = party("subject", self.subject.facts(), Direction::Ingress);
        let other = party("peer", peer.facts(), Direction::Egress);
        let decision = judge(self.model, direction, &subject, &other, l4);
        if matches!(decision.decider, Decider::Itself | Decider::OwnNode) {
            return Ok(false);
        }
        let audit = audit(self.model, direction, &subject, &other, l4);
        let expected = said(self.model, decision, audit);
        let mut names = Names::default();
        for (name, port) in ports {
            let name = PortName {
                protocol: port.protocol,
                name: name.clone(),
            };
            if l4 == L4Packet::Port(port.protocol, port.port)
                && let Some(&bit) = self.placement.names().get(&name)
            {
                names.insert(bit);
            }
        }
        let actual = match &mut self.machine {
            Ok(machine) => answer(machine, &self.deciders, l4, names, signature),
            Err(cause) => Err(cause.clone()),
        };
        if actual.as_ref() != Ok(&expected) {
            return Err(Box::new(Wrong {
                key: self.class.key.clone(),
                peer: peer.clone(),
                l4,
                expected,
                actual,
            }));
        }
        Ok(true)
    }

    /// The named ports that the receiver of a packet may have, as far as it matters: none of them is
    /// the packet's, or one that the class asks for is.
    fn named_ports(&self, l4: L4Packet) -> Vec<NamedPorts> {
        let mut all = vec![NamedPorts::new()];
        if let L4Packet::Port(protocol, port) = l4 {
            let names = self.class.layout.names.iter();
            let names: BTreeSet<&str> = names
                .filter(|name| name.protocol == protocol)
                .map(|name| name.name.as_str())
                .collect();
            let named = NamedPort { protocol, port };
            all.extend(
                names
                    .into_iter()
                    .map(|name| [(name.to_owned(), named)].into()),
            );
        }
        all
    }

    fn signature(&self, peer: &Witness) -> Vec<u64> {
        let facts = peer.facts();
        let holds = |id: SelectorId| {
            let selector = self.model.selector(id);
            selector.is_some_and(|selector| selector.expr.matches(&facts))
        };
        let mut signature = vec![0; self.placement.words()];
        for (bit, selector) in self.placement.selectors() {
            if let Some(word) = signature.get_mut(bit / WORD_BITS) {
                *word |= u64::from(holds(selector)) << (bit % WORD_BITS);
            }
        }
        signature
    }
}

fn said(model: &Model, decision: Decision, audit: Option<Decision>) -> Said {
    Said {
        verdict: raw_verdict(model, decision),
        decider: decision.decider,
        audit: audit
            .filter(|audit| audit.verdict == Verdict::Deny)
            .map(|audit| audit.decider),
    }
}

fn answer(
    machine: &mut Machine,
    deciders: &Deciders,
    l4: L4Packet,
    names: Names,
    signature: &[u64],
) -> Result<Said, String> {
    let key = polc_plan::intervals::key_of(l4).0;
    let answer = machine
        .run(key, names, signature)
        .map_err(|cause| cause.to_string())?;
    let who = |id: DeciderId| deciders.decider(id).ok_or(format!("{id:?} is nobody"));
    let nothing = || "the program gives no verdict".to_owned();
    Ok(Said {
        verdict: answer.verdict.ok_or_else(nothing)?,
        decider: who(answer.decider)?,
        audit: match answer.audit {
            DeciderId(0) => None,
            audit => Some(who(audit)?),
        },
    })
}
