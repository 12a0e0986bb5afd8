use polc_model::{
    Action, Direction, Enforcement, Entity, FileId, Isolation, L4Match, L4Term, LabelOperator,
    Origin, Policy, PolicyId, PortProtocol, Rule, Selector, SelectorExpr, SelectorId, Tier,
};

use super::*;

const INVENTORY: &str = "
node: { name: node-1, addresses: [10.0.0.1] }
endpoints:
- { name: a, labels: { app: web }, interface: veth-a, addresses: [10.1.0.2, \"fd00::2\"] }
- { name: b, labels: { app: web }, interface: veth-b, addresses: [10.1.0.3] }
- { name: far, labels: { app: web }, addresses: [10.1.9.3] }
remote_nodes: [{ name: node-2, addresses: [10.0.0.2] }]
";

/// One policy for every endpoint that allows ingress from each of `peers`.
fn model(peers: &[SelectorExpr]) -> Model {
    let selector = |expr: SelectorExpr| Selector {
        expr,
        text: String::new(),
    };
    let mut model = Model {
        files: vec!["a.pol".to_owned()],
        ..Model::default()
    };
    model
        .selectors
        .push(selector(SelectorExpr::Entity(Entity::Endpoints)));
    let origin = Origin {
        file: FileId::new(0),
        ..Origin::default()
    };
    model.policies.push(Policy {
        name: "p".to_owned(),
        subject: SelectorId::new(0),
        tier: Tier::Normal,
        priority: 0,
        enforcement: Enforcement::Enforce,
        ingress: Some(Isolation::Isolates),
        egress: None,
        doc: None,
        origin: origin.clone(),
    });
    for peer in peers {
        model.rules.push(Rule {
            policy: PolicyId::new(0),
            direction: Direction::Ingress,
            action: Action::Allow,
            peer: SelectorId::new(model.selectors.len()),
            l4: L4Match::Any,
            l7: None,
            origin: origin.clone(),
        });
        model.selectors.push(selector(peer.clone()));
    }
    model
}

fn tables(model: &Model) -> NodeTables {
    let plan = polc_plan::plan(model, []).unwrap();
    NodeTables::compute(model, &plan, &Inventory::parse(INVENTORY).unwrap()).unwrap()
}

#[test]
fn named_ports_are_those_that_the_nodes_programs_ask_for() {
    let named = |name: &str| L4Term::NamedPort {
        protocol: PortProtocol::Tcp,
        name: name.to_owned(),
    };
    let mut model = model(&[SelectorExpr::ALL]);
    model.rules[0].l4 = L4Match::Of(vec![named("http"), named("admin")]);
    let text = INVENTORY
        .replace(
            "10.1.0.3]",
            "10.1.0.3], ports: { http: tcp 8080, web: tcp 80 }",
        )
        .replace(
            "10.1.9.3]",
            "10.1.9.3], ports: { http: tcp 80, admin: tcp 80, dns: udp 53 }",
        );
    let inventory = Inventory::parse(&text).unwrap();
    let plan = polc_plan::plan(&model, []).unwrap();
    let tables = NodeTables::compute(&model, &plan, &inventory).unwrap();
    let id = |name: &str| tables.names.iter().find(|(_, one)| *one == name).unwrap().0;
    let of = |name: &str, port| tables.port_names(id(name), L4Key::port(6, port)).0;
    // In order: `admin`, `http`.
    assert_eq!((of("b", 8080), of("b", 80)), (0b10, 0));
    assert_eq!((of("far", 80), of("far", 8080)), (0b11, 0));
    assert_eq!(tables.port_names.len(), 2);

    // Without such rules nothing is looked up.
    model.rules.clear();
    let plan = polc_plan::plan(&model, []).unwrap();
    let tables = NodeTables::compute(&model, &plan, &inventory).unwrap();
    assert_eq!(tables.port_names, []);
}

fn cidr(text: &str) -> SelectorExpr {
    SelectorExpr::Cidr(text.parse().unwrap())
}

/// The first word of the signature that an address gets.
fn signature(tables: &NodeTables, address: &str) -> u64 {
    let peer = tables.peer(address.parse().unwrap()).unwrap();
    tables.signatures.row(peer.row).unwrap()[0]
}

#[test]
fn a_hundred_replicas_share_a_program_and_a_row() {
    let web = SelectorExpr::Label {
        key: "app".to_owned(),
        operator: LabelOperator::In(vec!["web".to_owned()]),
    };
    let tables = tables(&model(&[web]));
    assert_eq!(tables.classes.len(), 2, "one class per direction");
    assert_eq!(
        tables.endpoints[0].ingress_slot,
        tables.endpoints[1].ingress_slot
    );
    assert_eq!(
        tables.signatures.count(),
        2,
        "one row for web, one for everything else"
    );
    assert_eq!(
        tables.endpoints.len(),
        2,
        "the endpoint on another node has no programs"
    );
}

#[test]
fn exceptions_inside_blocks_inside_blocks() {
    let wide = SelectorExpr::Minus(Box::new(cidr("10.0.0.0/8")), Box::new(cidr("10.9.0.0/16")));
    let narrow = cidr("10.9.9.0/24");
    let tables = tables(&model(&[wide, narrow]));
    assert_eq!(signature(&tables, "10.5.5.5"), 0b01);
    assert_eq!(signature(&tables, "10.9.5.5"), 0b00);
    assert_eq!(signature(&tables, "10.9.9.5"), 0b10);
    assert_eq!(signature(&tables, "192.0.2.1"), 0b00);
    assert_eq!(signature(&tables, "2001:db8::1"), 0b00);
}

#[test]
fn a_cidr_covers_endpoints_and_nodes_too() {
    let tables = tables(&model(&[cidr("10.1.0.0/16")]));
    assert_eq!(signature(&tables, "10.1.0.2"), 1);
    assert_eq!(
        signature(&tables, "fd00::2"),
        0,
        "the same endpoint, by its other address"
    );
    assert_eq!(signature(&tables, "10.0.0.1"), 0);
}

#[test]
fn addresses_survive_the_maps_form() {
    for text in ["10.0.0.1", "2001:db8::1", "::1"] {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(address_of(address_bytes(address)), address);
    }
}

#[test]
fn more_than_the_maps_hold_is_refused() {
    let inventory = |endpoints: u32| {
        let endpoints = (0..endpoints).map(|number| {
            let address = std::net::Ipv4Addr::from_bits(0x0a01_0000 + number);
            format!("- {{ name: e{number}, interface: veth{number}, addresses: [{address}] }}\n")
        });
        let endpoints: String = endpoints.collect();
        let text = format!("node: {{ name: node-1 }}\nendpoints:\n{endpoints}");
        Inventory::parse(&text).unwrap()
    };
    let compute = |model: &Model, inventory: &Inventory| {
        let plan = polc_plan::plan(model, []).unwrap();
        NodeTables::compute(model, &plan, inventory).map(drop)
    };
    let nothing = Model::default();
    assert_eq!(compute(&nothing, &inventory(MAX_ENDPOINTS)), Ok(()));
    let refused = compute(&nothing, &inventory(MAX_ENDPOINTS + 1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the inventory has 4097 endpoints on this node; the limit is 4096"
    );

    let block = |number: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x1400_0000 + number);
        SelectorExpr::Cidr(ipnet::Ipv4Net::from(address).into())
    };
    // Both default routes are prefixes too.
    let many = SelectorExpr::AnyOf((0..MAX_PREFIXES - 1).map(block).collect());
    assert_eq!(
        compute(&model(&[many]), &inventory(1)),
        Err(TablesError::Prefixes(MAX_PREFIXES as usize + 1))
    );
}

#[test]
fn a_bit_is_what_its_selector_says_of_the_peer() {
    let mut checked = 0;
    for seed in 0..200 {
        let case = polc_testgen::Case::new(seed, &["veth-a"]);
        let plan = polc_plan::plan(&case.model, []).unwrap();
        let tables = NodeTables::compute(&case.model, &plan, &case.inventory).unwrap();
        for &(address, peer) in &tables.addresses {
            let signature = tables.signatures.row(peer.row).unwrap();
            let facts = case.peer(address_of(address)).facts;
            for (bit, selector) in tables.placement.selectors() {
                let expr = &case.model.selector(selector).unwrap().expr;
                assert_eq!(
                    signature[bit / 64] >> (bit % 64) & 1 == 1,
                    expr.matches(&facts),
                    "seed {seed}: {expr:?} of {facts:?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}

/// Endpoints of a changing inventory, by number: those that are there, and what they are now.
fn changing(there: &BTreeMap<u32, Arc<Endpoint>>) -> Inventory {
    let mut inventory = Inventory::parse(
        "node: { name: node-1, addresses: [10.0.0.1] }\n\
         namespaces: { red: { zone: a } }\n\
         addresses_of: { kube_apiserver: [10.1.0.3], health: [10.9.0.1] }\n",
    )
    .unwrap();
    let named = there.values().map(|one| (one.full_name(), Arc::clone(one)));
    inventory.endpoints = inventory
        .with_endpoints(&named.collect())
        .unwrap()
        .endpoints;
    inventory
}

fn endpoint(number: u32, choice: u32) -> Arc<Endpoint> {
    let app = choice % 3;
    let ports = if choice.is_multiple_of(2) {
        "{ http: tcp 80 }"
    } else {
        "{ http: tcp 8080, dns: udp 53 }"
    };
    let interface = if number.is_multiple_of(4) {
        format!("interface: veth{number},")
    } else {
        String::new()
    };
    let namespace = ["red", "blue"][choice as usize % 2];
    let text = format!(
        "endpoints: [{{ name: e{number}, namespace: {namespace}, labels: {{ app: \"{app}\" }}, {interface} \
         addresses: [10.1.0.{number}, \"fd00::{}\"], ports: {ports} }}]",
        number + choice % 2 * 100
    );
    polc_inventory::Part::parse(&text)
        .unwrap()
        .endpoints
        .remove(0)
}

/// What is said of each address: the peer's number and kind, and its signature.
fn said(tables: &NodeTables) -> Vec<(Address, u32, u32, Vec<u64>)> {
    let addresses = tables.addresses.iter();
    addresses
        .map(|&(address, peer)| {
            let signature = tables.signatures.row(peer.row).unwrap();
            (address, peer.id, peer.flags, signature.to_vec())
        })
        .collect()
}

#[test]
fn a_change_of_few_endpoints_gives_what_computing_all_of_them_gives() {
    let label = |value: &str| SelectorExpr::Label {
        key: "app".to_owned(),
        operator: LabelOperator::In(vec![value.to_owned()]),
    };
    let zone = SelectorExpr::NamespaceLabel {
        key: "zone".to_owned(),
        operator: LabelOperator::In(vec!["a".to_owned()]),
    };
    let peers = [label("0"), label("1"), cidr("10.1.0.0/27"), zone];
    let mut model = model(&peers);
    model.rules[0].l4 = L4Match::Of(vec![L4Term::NamedPort {
        protocol: PortProtocol::Tcp,
        name: "http".to_owned(),
    }]);
    let plan = polc_plan::plan(&model, []).unwrap();
    let mut there: BTreeMap<u32, _> = (2..40).map(|one| (one, endpoint(one, one))).collect();
    let mut inventory = changing(&there);
    let mut tables = NodeTables::compute(&model, &plan, &inventory).unwrap();
    let mut stepped = 0;
    for change in 0..300_u32 {
        // Numbers that look random, and are the same each time.
        let random = change.wrapping_mul(2_654_435_761).rotate_left(13) ^ change;
        for number in [2 + random % 60, 2 + random / 64 % 60] {
            if random.is_multiple_of(5) {
                there.remove(&number);
            } else {
                there.insert(number, endpoint(number, random / 7 % 12));
            }
        }
        let next = changing(&there);
        let before = Before {
            model: &model,
            inventory: &inventory,
            tables: &tables,
        };
        let same = before.same_endpoints(&model, &next).unwrap();
        let choice = Choice::Cheapest;
        let classes = Classes::of(&model, &plan, &next, choice, Some((before, &same))).unwrap();
        let step = step::step(
            before,
            &model,
            &next,
            &same,
            &classes.plans,
            (&classes.slots, None),
        );
        stepped += u32::from(step.is_some() && classes.plans == tables.classes);
        let after = NodeTables::compute_with(&model, &plan, &next, choice, Some(before)).unwrap();
        let anew = NodeTables::compute(&model, &plan, &next).unwrap();
        assert_eq!(said(&after), said(&anew), "{change}");
        assert_eq!(after.endpoints, anew.endpoints, "{change}");
        assert_eq!(after.names, anew.names, "{change}");
        assert_eq!(after.port_names, anew.port_names, "{change}");
        assert_eq!(after.classes, anew.classes, "{change}");
        (inventory, tables) = (next, after);
    }
    assert!(stepped > 200, "{stepped}");
}

/// The signature of each block.
fn said_of_prefixes(tables: &NodeTables) -> Vec<(PrefixKey, Vec<u64>)> {
    let prefixes = tables.prefixes.iter();
    let signature = |peer: &Peer| tables.signatures.row(peer.row).unwrap().to_vec();
    prefixes
        .map(|(key, peer)| (*key, signature(peer)))
        .collect()
}

#[test]
fn a_change_of_few_selectors_gives_what_asking_all_of_them_gives() {
    let label = |value: u32| SelectorExpr::Label {
        key: "app".to_owned(),
        operator: LabelOperator::In(vec![value.to_string()]),
    };
    let blocks = ["10.1.0.0/27", "10.1.0.8/29"].map(cidr);
    let all = (2..40).map(|one| (one, endpoint(one, one))).collect();
    let inventory = changing(&all);
    let choice = Choice::Cheapest;
    let mut peers: Vec<SelectorExpr> = (0..6).map(label).chain(blocks.clone()).collect();
    let first = model(&peers);
    let plan = polc_plan::plan(&first, []).unwrap();
    let mut in_force = (
        first,
        NodeTables::compute(&model(&peers), &plan, &inventory).unwrap(),
    );
    let (mut reasked, mut changes_of_rows) = (0, 0);
    for change in 0..200_u32 {
        let random = change.wrapping_mul(2_654_435_761).rotate_left(13) ^ change;
        let position = random as usize % 6;
        peers[position] = match random % 5 {
            0 => SelectorExpr::Minus(
                Box::new(label(random / 64 % 12)),
                Box::new(blocks[1].clone()),
            ),
            1 => SelectorExpr::AnyOf(vec![label(random / 64 % 12), blocks[0].clone()]),
            _ => label(random / 64 % 12),
        };
        // Now and then there are more of them.
        if random.is_multiple_of(11) {
            peers.push(label(random / 128 % 12));
        }
        let next = model(&peers);
        let plan = polc_plan::plan(&next, []).unwrap();
        let before = Before {
            model: &in_force.0,
            inventory: &inventory,
            tables: &in_force.1,
        };
        let after = NodeTables::compute_with(&next, &plan, &inventory, choice, Some(before));
        let after = after.unwrap();
        reasked += u32::from(
            reask::reask(before, &next, &inventory, &after.placement)
                .is_some_and(|reasked| reasked.signatures == after.signatures),
        );
        changes_of_rows += u32::from(after.signatures != in_force.1.signatures);
        let anew = NodeTables::compute_with(&next, &plan, &inventory, choice, None).unwrap();
        // The same bits may be in other places.
        let of = |tables: &NodeTables, signature: &[u64]| {
            let bits = asked_of(tables, &next);
            let is_set = |bit: usize| signature[bit / 64] >> (bit % 64) & 1 == 1;
            let said = bits.into_iter().map(|(asked, bit)| (asked, is_set(bit)));
            said.collect::<BTreeMap<_, _>>()
        };
        let (one, other) = (said(&after), said(&anew));
        assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(
                (one.0, one.1, one.2),
                (other.0, other.1, other.2),
                "{change}"
            );
            assert_eq!(of(&after, &one.3), of(&anew, &other.3), "{change}");
        }
        let (one, other) = (said_of_prefixes(&after), said_of_prefixes(&anew));
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one.0, other.0, "{change}");
            assert_eq!(of(&after, &one.1), of(&anew, &other.1), "{change}");
        }
        assert_eq!(after.endpoints, anew.endpoints, "{change}");
        assert_eq!(after.names, anew.names, "{change}");
        in_force = (next, after);
    }
    assert!(reasked > 150, "{reasked}");
    assert!(changes_of_rows > 50, "{changes_of_rows}");
}

/// The bit of each selector, by what it asks.
fn asked_of(tables: &NodeTables, model: &Model) -> BTreeMap<String, usize> {
    let bits = tables.placement.selectors();
    bits.map(|(bit, id)| (format!("{:?}", model.selector(id).unwrap().expr), bit))
        .collect()
}
