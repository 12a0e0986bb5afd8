//! Rules for named ports: what they mean is looked up at the pod that receives the traffic.

use std::{thread, time::Duration};

use polc_model::{Direction, L4Match, L4Term, PortProtocol, SelectorExpr};
use polc_testbed::{Host, Outcome};

use crate::{
    package::{Package, labelled},
    scene::{INVENTORY, Scene},
};

fn named(protocol: PortProtocol, name: &str) -> L4Match {
    L4Match::Of(vec![L4Term::NamedPort {
        protocol,
        name: name.to_owned(),
    }])
}

/// db takes its `sql` and `dns` ports from api; web may send to the `http` ports of whoever has one.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(
            Direction::Ingress,
            labelled("api"),
            named(PortProtocol::Tcp, "sql"),
        )
        .allow(
            Direction::Ingress,
            labelled("api"),
            named(PortProtocol::Udp, "dns"),
        )
        .policy("web", "web", &[Direction::Egress])
        .allow(
            Direction::Egress,
            SelectorExpr::ALL,
            named(PortProtocol::Tcp, "http"),
        )
        .compile()
}

/// The inventory, with these named ports.
fn inventory(api: &str, db: &str) -> String {
    INVENTORY
        .replace(
            "    interface: veth-api\n",
            &format!("    interface: veth-api\n    ports: {api}\n"),
        )
        .replace(
            "    interface: veth-db\n",
            &format!("    interface: veth-db\n    ports: {db}\n"),
        )
}

const API: &str = "{ http: tcp 3000, sql: tcp 5433 }";
const DB: &str = "{ sql: tcp 5432, dns: udp 53 }";

/// What becomes of connections from a pod to another, by either family.
fn connects(from: &Host, to: &Host, port: u16) -> [Outcome; 2] {
    [to.v4(), to.v6()].map(|address| from.connect_tcp(address.unwrap(), port).unwrap())
}

fn sends(from: &Host, to: &Host, port: u16) -> [Outcome; 2] {
    [to.v4(), to.v6()].map(|address| from.send_udp(address.unwrap(), port).unwrap())
}

const REACHED: [Outcome; 2] = [Outcome::Reached; 2];
const BLOCKED: [Outcome; 2] = [Outcome::Blocked; 2];

#[test]
fn a_named_port_is_the_receivers() {
    let Some(scene) = Scene::enforcing("named", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [
        db.serve_tcp(5432).unwrap(),
        db.serve_tcp(5433).unwrap(),
        db.serve_udp(53).unwrap(),
        db.serve_udp(5432).unwrap(),
    ];
    // Nobody has named ports yet.
    assert_eq!(connects(api, db, 5432), BLOCKED);

    scene.apply_with(&shop(), &inventory(API, DB));
    assert_eq!(connects(api, db, 5432), REACHED);
    assert_eq!(sends(api, db, 53), REACHED);
    // The sender calls another port so.
    assert_eq!(connects(api, db, 5433), BLOCKED);
    // The name is of the other protocol.
    assert_eq!(sends(api, db, 5432), BLOCKED);
    assert_eq!(connects(api, db, 53), BLOCKED);
    // The rule is for other peers.
    assert_eq!(connects(web, db, 5432), BLOCKED);
}

#[test]
fn two_pods_may_call_different_ports_the_same() {
    let Some(scene) = Scene::enforcing("named-egress", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let outside = scene.testbed.outside().unwrap();
    // Everything may enter db here: only web's own policy is asked.
    let egress = Package::new()
        .policy("web", "web", &[Direction::Egress])
        .allow(
            Direction::Egress,
            SelectorExpr::ALL,
            named(PortProtocol::Tcp, "http"),
        )
        .compile();
    let _servers = [
        api.serve_tcp(3000).unwrap(),
        api.serve_tcp(8080).unwrap(),
        db.serve_tcp(3000).unwrap(),
        db.serve_tcp(8080).unwrap(),
        outside.serve_tcp(3000).unwrap(),
    ];
    scene.apply_with(&egress, &inventory(API, "{ http: tcp 8080 }"));
    assert_eq!(connects(web, api, 3000), REACHED);
    assert_eq!(connects(web, api, 8080), BLOCKED);
    assert_eq!(connects(web, db, 8080), REACHED);
    assert_eq!(connects(web, db, 3000), BLOCKED);
    // Whoever has no named ports gets nothing by them.
    assert_eq!(connects(web, outside, 3000), BLOCKED);
}

#[test]
fn a_name_that_moves_takes_live_flows_with_it() {
    let Some(scene) = Scene::enforcing("named-moves", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let servers = [db.serve_udp(53).unwrap(), db.serve_udp(54).unwrap()];
    let served = || servers.each_ref().map(|server| server.served());
    let flows = [53, 54].map(|port| {
        let address = db.v4().unwrap();
        api.run(|| {
            let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect((address, port)).unwrap();
            socket
        })
        .unwrap()
    });
    let send = || {
        let before = served();
        for flow in &flows {
            // A port that is rejected or closed is no news here.
            let _ = flow.send(b"?");
        }
        thread::sleep(Duration::from_millis(50));
        let after = served();
        [after[0] - before[0], after[1] - before[1]]
    };
    for _ in 0..3 {
        scene.apply_with(&shop(), &inventory(API, "{ dns: udp 53 }"));
        assert_eq!(send(), [1, 0]);
        scene.apply_with(&shop(), &inventory(API, "{ dns: udp 54 }"));
        assert_eq!(send(), [0, 1]);
    }
    // Both flows are denied once the name is gone.
    scene.apply_with(&shop(), INVENTORY);
    assert_eq!(send(), [0, 0]);
}
