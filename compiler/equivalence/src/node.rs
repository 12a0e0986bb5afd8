//! A case on its node: every form of its policies, asked about one packet.

use polc_abi::{
    node::peer_flag,
    verdict::{DeciderId, Verdict as RawVerdict},
};
use polc_codegen::{ClassProgram, Compiler, Limits};
use polc_model::{Decider, Direction, Verdict};
use polc_plan::{
    Choice, ClassPlan, Deciders, NameId, Names, intervals::key_of, layout::WORD_BITS, raw_verdict,
};
use polc_tables::{NodeTables, address_bytes};
use polc_testgen::{Case, Probe, Subject};

use crate::Machine;

/// How the policies of a case are compiled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Who chooses strategies.
    pub choice: Choice,
    /// When programs are split.
    pub limits: Limits,
}

/// A deliberate fault, to see that the comparison notices.
pub enum Fault {
    /// There is none.
    None,
    /// Of planning: changes the plan of each class before code is generated from it.
    Plan(fn(&mut ClassPlan)),
    /// Of code generation: changes the programs of each class.
    Program(fn(&mut ClassProgram)),
    /// Of the datapath: named ports are looked up at the sender.
    NamesOfSender,
}

/// What is said of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// What happens to it.
    pub verdict: RawVerdict,
    /// Who decided.
    pub decider: Decider,
    /// Who would have dropped it, were the audited policies enforced; only where it passes.
    pub audit: Option<Decider>,
}

/// A case, compiled for its node.
pub struct Node {
    /// What the node's maps hold.
    pub tables: NodeTables,
    deciders: Deciders,
    machines: Vec<Machine>,
    /// The end of the packet whose named ports count.
    named_by: End,
}

/// An end of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Receiver,
    Sender,
}

impl Node {
    /// Compiles a case, with a fault in it or without.
    ///
    /// # Errors
    /// What does not compile, in one line.
    pub fn new(case: &Case, options: Options, fault: &Fault) -> Result<Self, String> {
        let plan = polc_plan::plan_with(&case.model, [], options.choice)
            .map_err(|found| format!("{found:?}"))?;
        let mut tables =
            NodeTables::compute_with(&case.model, &plan, &case.inventory, options.choice, None)
                .map_err(|cause| cause.to_string())?;
        let mut machines = Vec::with_capacity(tables.classes.len());
        let mut classes = std::mem::take(&mut tables.classes);
        let compiler = Compiler::new(&case.model);
        for class in &mut classes {
            if let Fault::Plan(change) = fault {
                change(std::sync::Arc::make_mut(class));
            }
            let mut program = compiler
                .compile(class, options.limits)
                .map_err(|cause| cause.to_string())?;
            if let Fault::Program(change) = fault {
                change(&mut program);
            }
            let machine = Machine::new(&program, &class.layout, &tables.placement);
            machines.push(machine.map_err(|cause| cause.to_string())?);
        }
        tables.classes = classes;
        Ok(Self {
            deciders: Deciders::of(&case.model),
            tables,
            machines,
            named_by: match fault {
                Fault::NamesOfSender => End::Sender,
                _ => End::Receiver,
            },
        })
    }

    /// What the plan says, asked as the datapath asks: built-in answers, peer, signature, program.
    #[must_use]
    pub fn plan(&self, case: &Case, probe: &Probe) -> Option<Said> {
        let asked = match self.ask(case, probe)? {
            Ask::BuiltIn(said) => return Some(said),
            Ask::Program(asked) => asked,
        };
        let class = self.tables.classes.get(asked.slot)?;
        let signature = self.tables.signatures.row(asked.row)?;
        let placement = &self.tables.placement;
        let bits = class.layout.bits();
        let satisfies = |selector| {
            let bit = bits.get(&selector);
            let place = bit.and_then(|bit| {
                let byte = placement.byte_of(&class.layout, bit.block)?;
                Some(byte * 8 + bit.bit as usize)
            });
            place.is_some_and(|bit| {
                let word = signature.get(bit / WORD_BITS);
                word.is_some_and(|word| word >> (bit % WORD_BITS) & 1 == 1)
            })
        };
        let has_name = |NameId(name)| {
            let bit = placement.bit_of(&class.layout, name);
            bit.is_some_and(|bit| asked.names.holds(bit))
        };
        let l4 = key_of(probe.l4);
        let decide = |decisions: &polc_plan::Decisions| decisions.decide(l4, has_name, satisfies);
        let decision = decide(&class.enforced)?;
        let audit = match (&class.audited, decision.verdict) {
            (Some(audited), Verdict::Allow) => Some(decide(audited)?),
            _ => None,
        };
        Some(Said {
            verdict: raw_verdict(&case.model, decision),
            decider: decision.decider,
            audit: audit
                .filter(|audit| audit.verdict == Verdict::Deny)
                .map(|audit| audit.decider),
        })
    }

    /// What the programs say, in the machine.
    ///
    /// # Errors
    /// A program that fails, or says nothing.
    pub fn bytecode(&mut self, case: &Case, probe: &Probe) -> Result<Said, String> {
        let nothing = || "the packet reaches no program".to_owned();
        let asked = match self.ask(case, probe).ok_or_else(nothing)? {
            Ask::BuiltIn(said) => return Ok(said),
            Ask::Program(asked) => asked,
        };
        let machine = self.machines.get_mut(asked.slot).ok_or_else(nothing)?;
        let signature = self.tables.signatures.row(asked.row).ok_or_else(nothing)?;
        let answer = machine
            .run(key_of(probe.l4).0, asked.names, signature)
            .map_err(|cause| cause.to_string())?;
        let nothing = || "the program gives no verdict".to_owned();
        let verdict = answer.verdict.ok_or_else(nothing)?;
        let who = |id: DeciderId| self.deciders.decider(id).ok_or(format!("{id:?} is nobody"));
        Ok(Said {
            verdict,
            decider: who(answer.decider)?,
            audit: match answer.audit {
                DeciderId(0) => None,
                audit => Some(who(audit)?),
            },
        })
    }

    /// What the datapath does before it asks a program.
    fn ask(&self, case: &Case, probe: &Probe) -> Option<Ask> {
        let built_in = |decider| {
            Some(Ask::BuiltIn(Said {
                verdict: RawVerdict::Allow,
                decider,
                audit: None,
            }))
        };
        let (id, ingress_slot, egress_slot) = match probe.subject {
            Subject::Endpoint(endpoint) => {
                let name = case.inventory.endpoints.get(endpoint)?.full_name();
                let mut endpoints = self.tables.endpoints.iter();
                let local = endpoints.find(|endpoint| endpoint.name == name)?;
                if local.addresses.contains(&address_bytes(probe.remote)) {
                    return built_in(Decider::Itself);
                }
                (local.id, local.ingress_slot, local.egress_slot)
            }
            Subject::Node => match self.tables.node {
                Some(node) => (node.id, node.ingress_slot, node.egress_slot),
                None => return built_in(Decider::NoPolicy),
            },
        };
        let peer = self.tables.peer(probe.remote)?;
        if probe.direction == Direction::Ingress && peer.flags & peer_flag::HOST_ACCESS != 0 {
            return built_in(Decider::OwnNode);
        }
        let slot = match probe.direction {
            Direction::Ingress => ingress_slot,
            Direction::Egress => egress_slot,
        };
        let named = match (probe.direction, self.named_by) {
            (Direction::Ingress, End::Receiver) | (Direction::Egress, End::Sender) => id,
            (Direction::Egress, End::Receiver) | (Direction::Ingress, End::Sender) => peer.id,
        };
        Some(Ask::Program(Asked {
            slot: slot as usize,
            row: peer.row,
            names: self.tables.port_names(named, key_of(probe.l4)),
        }))
    }
}

enum Ask {
    BuiltIn(Said),
    Program(Asked),
}

struct Asked {
    slot: usize,
    row: u32,
    names: Names,
}
