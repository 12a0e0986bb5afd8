//! Whatever the compiler accepts, the kernel loads: an over-large policy is an error where it is
//! written, never on a node.

use std::{collections::BTreeSet, path::Path, time::Instant};

use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    trust::Trust,
};
use polc_bundle::{Bundle, CompileError};
use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, L4Term, LabelOperator, Model, Origin,
    Policy, PolicyId, PortProtocol, PortRange, Rule, Selector, SelectorExpr, SelectorId, Tier,
};

const INVENTORY: &str = "
node: { name: node-1 }
endpoints: [{ name: a, interface: veth-a, addresses: [10.0.0.2] }]
";

/// One policy for every endpoint with `peers` rules for each of `ports` ports.
fn model(peers: u32, ports: u16) -> Model {
    let selector = |expr| Selector {
        expr,
        text: String::new(),
    };
    let mut model = Model {
        files: vec!["large.pol".to_owned()],
        ..Model::default()
    };
    model.selectors.push(selector(SelectorExpr::Entity(
        polc_model::Entity::Endpoints,
    )));
    model.policies.push(Policy {
        name: "large".to_owned(),
        subject: SelectorId::new(0),
        tier: Tier::Normal,
        priority: 0,
        enforcement: Enforcement::Enforce,
        ingress: Some(Isolation::Isolates),
        egress: None,
        doc: None,
        origin: Origin::default(),
    });
    for peer in 0..peers {
        let operator = LabelOperator::In(vec![format!("app-{peer}")]);
        let key = "app".to_owned();
        model
            .selectors
            .push(selector(SelectorExpr::Label { key, operator }));
        for port in 0..ports {
            model.rules.push(Rule {
                policy: PolicyId::new(0),
                direction: Direction::Ingress,
                action: Action::Allow,
                peer: SelectorId::new(model.selectors.len() - 1),
                l4: L4Match::Of(vec![L4Term::Ports {
                    protocol: PortProtocol::Tcp,
                    // Every other port, so that each is an interval of its own.
                    ports: PortRange::single(port * 2),
                }]),
                l7: None,
                origin: Origin {
                    line: peer,
                    ..Origin::default()
                },
            });
        }
    }
    model
}

/// As [`model`] for one port of each, but half of the rules are for one of so many named ports, each
/// for another than the one before it.
fn named(peers: u32, names: u32) -> Model {
    let mut model = model(peers, 1);
    let names = (0..names).cycle().map(|number| format!("p-{number}"));
    for (rule, name) in model.rules.iter_mut().skip(1).step_by(2).zip(names) {
        rule.l4 = L4Match::Of(vec![L4Term::NamedPort {
            protocol: PortProtocol::Tcp,
            name,
        }]);
    }
    model
}

#[test]
fn the_largest_programs_that_compile_also_load() {
    super::on_a_node("budget", &["veth-a"], load_all);
}

fn load_all(bpffs: &Path) {
    let mut dataplane = Dataplane::open(Pins::new(bpffs, "budget"), Mechanism::probe()).unwrap();
    let mut loaded = BTreeSet::new();
    // Many peers for one port, many ports for one peer, and something in between. 4,096 selectors
    // are what a node's signatures hold.
    let of_numbers =
        [(4_095, 1), (1, 5_000), (100, 30), (16, 200), (64, 500)].map(|(peers, ports)| {
            (
                format!("{peers} peers x {ports} ports"),
                model(peers, ports),
            )
        });
    let of_names = [(1_400, 64), (4_000, 2)].map(|(peers, names)| {
        let what = format!("{peers} peers, half of them for one of {names} names");
        (what, named(peers, names))
    });
    for (what, model) in of_numbers.into_iter().chain(of_names) {
        let bundle = Bundle::compile(model, []).unwrap();
        let source = Source::of_text(
            bundle.encode().unwrap(),
            INVENTORY,
            Path::new("inventory.yaml"),
        )
        .unwrap();
        let candidate = Candidate::new(
            source,
            &Trust::Anyone,
            Path::new("large.polb"),
            Path::new("large.yaml"),
            MissingInterface::Refuse,
        )
        .unwrap();
        let started = Instant::now();
        let applied = dataplane.apply(&candidate, |_| Ok(())).unwrap();
        let largest = applied
            .programs
            .iter()
            .map(|one| one.verified_instructions)
            .max()
            .unwrap();
        println!(
            "{what}: the verifier looks at {largest} instructions, apply takes {:?}",
            started.elapsed()
        );
        // The budget of docs and design: what a node must never notice.
        assert!(largest < 100_000, "{what}: {largest} instructions");
        loaded.insert(what);
    }
    assert_eq!(loaded.len(), 7);
}

#[test]
fn what_is_too_large_is_a_compile_error_that_names_the_policy() {
    let error = Bundle::compile(model(5_000, 1), []).unwrap_err();
    let CompileError::Budget(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.class.policies, [PolicyId::new(0)]);
    assert!(
        error.to_string().contains("5000 rules match the same port"),
        "{error}"
    );
    // Each leaf is small and there is no end of them.
    let all: Result<Bundle, _> = Bundle::compile(model(100, 2_000), []);
    assert!(matches!(all, Err(CompileError::Budget(_))));
}
