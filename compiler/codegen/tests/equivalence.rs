//! The reference interpreter over the Model, and the emitted bytecode in a user-space eBPF
//! machine, agree on verdict and decider. Needs no root and no kernel.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: a panic is its way to fail"
)]

use std::cell::Cell;

use polc_abi::{
    node::peer_flag,
    policy::{PolicyInput, RETURN_ON_FAILURE, offset},
    verdict::{DeciderId, Verdict as RawVerdict},
};
use polc_codegen::{Target, compile, elf, insn::helper};
use polc_model::{Action, Decider, Direction, Verdict};
use polc_plan::{Plan, decider_of, intervals::key_of};
use polc_tables::{NodeTables, address_bytes};
use polc_testgen::{Case, Probe};

thread_local! {
    /// Where the input of the running program is; what the lookup returns.
    static INPUT: Cell<u64> = const { Cell::new(0) };
}

/// A program in the machine, linked to a node.
struct Machine {
    code: Vec<u8>,
}

impl Machine {
    fn load(elf: &[u8], tables: &NodeTables) -> Self {
        let program = elf::read(elf).unwrap().program;
        let code = program
            .link(|target| match target {
                Target::InputMap | Target::ContinuationsMap => Some(0),
                Target::Block(block) => {
                    let word = tables.word_of_block(block)?;
                    i32::try_from(offset::SIGNATURE + 8 * word).ok()
                }
            })
            .unwrap();
        Self {
            code: code.iter().flat_map(|insn| insn.to_bytes()).collect(),
        }
    }

    /// Runs the program. The input map is the machine's memory; the tail call fails, so that the
    /// program returns what it returns when it cannot continue.
    fn run(&self, l4: u32, signature: &[u64]) -> (u32, DeciderId) {
        let mut memory = vec![0_u8; size_of::<PolicyInput>()];
        memory[offset::L4..][..4].copy_from_slice(&l4.to_le_bytes());
        for (word, value) in signature.iter().enumerate() {
            memory[offset::SIGNATURE + 8 * word..][..8].copy_from_slice(&value.to_le_bytes());
        }
        INPUT.set(memory.as_ptr().addr() as u64);
        let mut machine = rbpf::EbpfVmRaw::new(Some(&self.code)).unwrap();
        machine
            .register_helper(helper::MAP_LOOKUP.cast_unsigned(), |_, _, _, _, _| {
                INPUT.get()
            })
            .unwrap();
        machine
            .register_helper(helper::TAIL_CALL.cast_unsigned(), |_, _, _, _, _| u64::MAX)
            .unwrap();
        let returned = machine.execute_program(&mut memory).unwrap();
        assert_eq!(
            returned,
            u64::from(RETURN_ON_FAILURE.cast_unsigned()),
            "fails closed"
        );
        let word = |at: usize| u32::from_le_bytes(memory[at..][..4].try_into().unwrap());
        (word(offset::VERDICT), DeciderId(word(offset::DECIDER)))
    }
}

/// The machine's answer, or `None` where the fixed datapath decides before any program.
fn answer(
    case: &Case,
    plan: &Plan,
    tables: &NodeTables,
    probe: &Probe,
) -> Option<(u32, DeciderId)> {
    let name = case.inventory.endpoints[probe.endpoint].full_name();
    let local = tables
        .endpoints
        .iter()
        .find(|endpoint| endpoint.name == name)
        .unwrap();
    let peer = tables.peer(probe.remote).unwrap();
    let own_node =
        probe.direction == Direction::Ingress && peer.flags & peer_flag::HOST_ACCESS != 0;
    if own_node || local.addresses.contains(&address_bytes(probe.remote)) {
        return None;
    }
    let slot = match probe.direction {
        Direction::Ingress => local.ingress_slot,
        Direction::Egress => local.egress_slot,
    };
    let program = compile(&case.model, &plan.layout, &tables.classes[slot as usize]).unwrap();
    let machine = Machine::load(&elf::write(&program).unwrap(), tables);
    Some(machine.run(key_of(probe.l4).0, &tables.rows[peer.row as usize]))
}

#[test]
fn the_bytecode_means_what_the_reference_says() {
    let (mut compared, mut rejected) = (0, 0);
    for seed in 0..600 {
        let mut case = Case::new(seed, &["veth-a", "veth-b", "veth-c"]);
        let plan = polc_plan::plan(&case.model, []).unwrap();
        let tables = NodeTables::compute(&case.model, &plan, &case.inventory).unwrap();
        for _ in 0..10 {
            let probe = case.probe().unwrap();
            let expected = case.reference(&probe).unwrap();
            let Some((verdict, decider)) = answer(&case, &plan, &tables, &probe) else {
                assert!(matches!(
                    expected.decider,
                    Decider::Itself | Decider::OwnNode
                ));
                continue;
            };
            let rejects = matches!(expected.decider, Decider::Rule(rule)
                if case.model.rule(rule).unwrap().action == Action::Reject);
            let wanted = match expected.verdict {
                Verdict::Allow => RawVerdict::Allow,
                Verdict::Deny if rejects => RawVerdict::Reject,
                Verdict::Deny => RawVerdict::Deny,
            };
            assert_eq!(
                RawVerdict::from_raw(verdict),
                Some(wanted),
                "seed {seed}: {probe:?}"
            );
            rejected += u32::from(wanted == RawVerdict::Reject);
            assert_eq!(
                decider_of(decider),
                Some(expected.decider),
                "seed {seed}: {probe:?}"
            );
            compared += 1;
        }
    }
    assert!(
        compared > 4_000,
        "only {compared} packets reached a program"
    );
    assert!(rejected > 100, "only {rejected} packets were rejected");
}
