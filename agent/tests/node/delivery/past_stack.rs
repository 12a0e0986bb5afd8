//! The node's stack is not on the way between its endpoints, and policy is.

use polc_abi::{
    flow::{Direction, Flow, FlowKey},
    map,
};
use polc_agent::{
    pins::Pins,
    sys::{interface, map::Map},
};
use polc_testbed::{Frame, Outcome};

use super::{both, open, routed, shop, stop_routing};
use crate::scene::Scene;

#[test]
fn endpoints_reach_each_other_on_a_node_that_routes_nothing() {
    let Some(scene) = Scene::enforcing("unrouted", &shop()) else {
        return;
    };
    stop_routing(&scene);
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [
        db.serve_tcp(5432).unwrap(),
        db.serve_udp(53).unwrap(),
        api.serve_tcp(80).unwrap(),
    ];
    let denied = [db.serve_tcp(5433).unwrap(), db.serve_udp(54).unwrap()];
    for address in both(db) {
        assert_eq!(api.connect_tcp(address, 5432).unwrap(), Outcome::Reached);
        assert_eq!(api.send_udp(address, 53).unwrap(), Outcome::Reached);
        assert_eq!(api.ping(address).unwrap(), Outcome::Reached, "{address}");
        assert_eq!(api.connect_tcp(address, 5433).unwrap(), Outcome::Blocked);
        assert_eq!(api.send_udp(address, 54).unwrap(), Outcome::Blocked);
        assert_eq!(web.connect_tcp(address, 5432).unwrap(), Outcome::Blocked);
        assert_eq!(web.ping(address).unwrap(), Outcome::Blocked, "{address}");
    }
    for address in both(api) {
        assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Reached);
        // The answer of a closed port, and an ICMP error about a flow.
        assert_eq!(web.connect_tcp(address, 81).unwrap(), Outcome::Refused);
        assert_eq!(web.send_udp(address, 81).unwrap(), Outcome::Refused);
    }
    assert_eq!(denied.map(|server| server.served()), [0, 0]);
    assert!(
        scene
            .status()
            .endpoints
            .iter()
            .all(|endpoint| endpoint.is_direct)
    );
}

#[test]
fn through_the_stack_they_do_not_on_such_a_node_and_do_on_others() {
    let Some(scene) = Scene::routing("routed", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let _server = db.serve_udp(53).unwrap();
    let before = routed(&scene);
    for address in both(db) {
        assert_eq!(api.send_udp(address, 53).unwrap(), Outcome::Reached);
    }
    assert_eq!(routed(&scene), before + 4);
    assert!(
        !scene
            .status()
            .endpoints
            .iter()
            .any(|endpoint| endpoint.is_direct)
    );
    stop_routing(&scene);
    for address in both(db) {
        assert_eq!(api.send_udp(address, 53).unwrap(), Outcome::Blocked);
    }
}

#[test]
fn a_packet_is_judged_once_for_each_end_and_routed_by_nobody() {
    let Some(scene) = Scene::enforcing("once", &open()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(53).unwrap();
    let before = routed(&scene);
    let (from, to) = ((api.v4().unwrap(), 4000), (db.v4().unwrap(), 53));
    api.inject_all(&std::array::from_fn::<_, 5, _>(|_| Frame::udp(from, to)))
        .unwrap();
    // Every one is answered.
    while server.served() < 5 {
        std::thread::yield_now();
    }
    let records: Vec<_> = scene
        .flows()
        .into_iter()
        .filter(|record| record.source.address == from.0)
        .map(|record| (record.verdict, record.direction, record.endpoint))
        .collect();
    let record = |direction: &str, endpoint: &str| {
        let endpoint = Some(endpoint.to_owned());
        ("allowed".to_owned(), direction.to_owned(), endpoint)
    };
    let expected = [record("egress", "shop/api"), record("ingress", "shop/db")];
    assert_eq!(records, expected);
    assert_eq!(routed(&scene), before);

    let pins = Pins::new(&scene.path("bpf"), "default");
    let index = |name: &'static str| scene.testbed.in_node(|| interface::index_of(name));
    let index = |name| index(name).unwrap().unwrap();
    let (api, db) = (index("veth-api"), index("veth-db"));
    let mut seen = Vec::new();
    for table in [map::FLOWS, map::NEW_FLOWS] {
        let flows: Map<FlowKey, Flow> = Map::open(&pins.map(table)).unwrap();
        seen.extend(flows.entries().unwrap());
    }
    seen.retain(|(key, _)| [key.local_port, key.remote_port].contains(&4000));
    assert_eq!(seen.len(), 2, "{seen:?}");
    for (key, flow) in seen {
        let (direction, other) = if key.ifindex == api {
            (Direction::Egress, db)
        } else {
            assert_eq!(key.ifindex, db);
            (Direction::Ingress, api)
        };
        assert_eq!(flow.direction, direction as u8);
        assert_eq!((flow.forward_packets, flow.reply_packets), (5, 5));
        assert_eq!(flow.past_stack, other);
    }
}

#[test]
fn a_rejection_is_answered_without_the_stack() {
    use crate::package::{Package, labelled, tcp, udp};
    use polc_model::Direction::Ingress;
    let bundle = Package::new()
        .policy("db", "db", &[Ingress])
        .reject(Ingress, labelled("web"), tcp(80))
        .reject(Ingress, labelled("web"), udp(80))
        .compile();
    let Some(scene) = Scene::enforcing("rejected", &bundle) else {
        return;
    };
    stop_routing(&scene);
    let (db, web) = (scene.pod("db"), scene.pod("web"));
    let servers = [db.serve_tcp(80).unwrap(), db.serve_udp(80).unwrap()];
    for address in both(db) {
        assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Refused);
        assert_eq!(web.send_udp(address, 80).unwrap(), Outcome::Prohibited);
    }
    assert_eq!(servers.map(|server| server.served()), [0, 0]);
}
