//! What policy allows arrives, and what it denies does not, whatever the protocol.

use std::{
    io::{BufRead as _, BufReader},
    net::IpAddr,
};

use polc_agent::flows::FlowRecord;
use polc_model::{Direction, Entity, L4Match, SelectorExpr};
use polc_testbed::{Host, Outcome};

use crate::{
    package::{Package, cidr, icmp, labelled, tcp, udp},
    scene::{Scene, text},
};

fn both(host: &Host) -> [IpAddr; 2] {
    [host.v4().unwrap(), host.v6().unwrap()]
}

/// db takes tcp 5432, udp 53 and ping from api; web may only talk to api.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .allow(Direction::Ingress, labelled("api"), icmp())
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, labelled("api"), L4Match::Any)
        .compile()
}

#[test]
fn allowed_packets_arrive_and_denied_ones_do_not() {
    let Some(scene) = Scene::enforcing("reach", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [
        db.serve_tcp(5432).unwrap(),
        db.serve_tcp(5433).unwrap(),
        db.serve_udp(53).unwrap(),
        db.serve_udp(54).unwrap(),
        api.serve_tcp(80).unwrap(),
        api.serve_udp(80).unwrap(),
    ];
    for address in both(db) {
        assert_eq!(
            api.connect_tcp(address, 5432).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(
            api.connect_tcp(address, 5433).unwrap(),
            Outcome::Blocked,
            "{address}"
        );
        assert_eq!(
            api.send_udp(address, 53).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(
            api.send_udp(address, 54).unwrap(),
            Outcome::Blocked,
            "{address}"
        );
        assert_eq!(api.ping(address).unwrap(), Outcome::Reached, "{address}");
        // Neither web's egress nor db's ingress lets it.
        assert_eq!(
            web.connect_tcp(address, 5432).unwrap(),
            Outcome::Blocked,
            "{address}"
        );
        assert_eq!(web.ping(address).unwrap(), Outcome::Blocked, "{address}");
    }
    for address in both(api) {
        assert_eq!(
            web.connect_tcp(address, 80).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(
            web.send_udp(address, 80).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(web.ping(address).unwrap(), Outcome::Reached, "{address}");
        // db may ask anyone, but the ping that api may send to it opens no way back.
        assert_eq!(db.ping(address).unwrap(), Outcome::Reached, "{address}");
    }
    for program in scene.status().datapath {
        eprintln!(
            "{}: {} verified instructions",
            program.name, program.verified_instructions
        );
    }
}

#[test]
fn closed_ports_answer_where_packets_may_pass() {
    let Some(scene) = Scene::enforcing("closed", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    for address in both(db) {
        assert_eq!(
            api.connect_tcp(address, 5432).unwrap(),
            Outcome::Refused,
            "{address}"
        );
        // The ICMP error that answers belongs to the flow.
        assert_eq!(
            api.send_udp(address, 53).unwrap(),
            Outcome::Refused,
            "{address}"
        );
    }
}

#[test]
fn the_world_is_reached_by_cidr() {
    let bundle = Package::new()
        .policy("web", "web", &[Direction::Ingress, Direction::Egress])
        .allow(Direction::Egress, cidr("192.0.2.0/24"), tcp(443))
        .allow(Direction::Egress, cidr("2001:db8::/64"), tcp(443))
        .allow(
            Direction::Ingress,
            SelectorExpr::Entity(Entity::World),
            tcp(80),
        )
        .compile();
    let Some(scene) = Scene::enforcing("world", &bundle) else {
        return;
    };
    let (web, outside) = (scene.pod("web"), scene.testbed.outside().unwrap());
    let _servers = [
        outside.serve_tcp(443).unwrap(),
        outside.serve_tcp(444).unwrap(),
        web.serve_tcp(80).unwrap(),
        web.serve_tcp(81).unwrap(),
    ];
    for address in both(outside) {
        assert_eq!(
            web.connect_tcp(address, 443).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(
            web.connect_tcp(address, 444).unwrap(),
            Outcome::Blocked,
            "{address}"
        );
    }
    for address in both(web) {
        assert_eq!(
            outside.connect_tcp(address, 80).unwrap(),
            Outcome::Reached,
            "{address}"
        );
        assert_eq!(
            outside.connect_tcp(address, 81).unwrap(),
            Outcome::Blocked,
            "{address}"
        );
        assert_eq!(
            scene.pod("db").connect_tcp(address, 80).unwrap(),
            Outcome::Blocked
        );
    }
}

#[test]
fn a_node_reaches_its_endpoints_and_they_reach_it_as_policy_says() {
    let Some(scene) = Scene::enforcing("host", &shop()) else {
        return;
    };
    let (db, web) = (scene.pod("db"), scene.pod("web"));
    let _server = db.serve_tcp(9000).unwrap();
    for address in both(db) {
        let reached = scene
            .testbed
            .in_node(|| std::net::TcpStream::connect((address, 9000)).is_ok())
            .unwrap();
        assert!(reached, "{address}");
    }
    for address in ["10.244.0.1", "fd00:244::1"].map(|text| text.parse().unwrap()) {
        assert_eq!(db.ping(address).unwrap(), Outcome::Reached, "{address}");
        assert_eq!(web.ping(address).unwrap(), Outcome::Blocked, "{address}");
    }
}

#[test]
fn every_verdict_names_the_rule_that_decided() {
    let Some(scene) = Scene::enforcing("names", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _server = db.serve_tcp(5432).unwrap();
    api.connect_tcp(db.v4().unwrap(), 5432).unwrap();
    web.connect_tcp(db.v4().unwrap(), 5432).unwrap();
    let flows = scene.flows();
    let allowed = flows
        .iter()
        .find(|flow| flow.verdict == "allowed" && flow.direction == "ingress")
        .unwrap();
    assert_eq!(allowed.source.name, "shop/api");
    assert_eq!(allowed.destination.name, "shop/db");
    assert_eq!(allowed.destination.port, Some(5432));
    let decider = allowed.decider.as_ref().unwrap();
    assert_eq!(
        (decider.kind.as_str(), decider.policy.as_deref()),
        ("rule", Some("db"))
    );
    assert_eq!(decider.text.as_deref(), Some("allow ingress tcp 5432"));
    for flow in &flows {
        eprintln!("{flow}");
    }
    let by_policy = |flow: &&FlowRecord| flow.reason.as_deref() == Some("policy");
    let dropped = flows.iter().find(by_policy).unwrap();
    let decider = dropped.decider.as_ref().unwrap();
    assert_eq!(dropped.endpoint.as_deref(), Some("shop/web"));
    assert_eq!(
        (decider.kind.as_str(), decider.policy.as_deref()),
        ("isolation", Some("web"))
    );
}

#[test]
fn followers_see_flows_as_they_come() {
    let Some(scene) = Scene::enforcing("follow", &shop()) else {
        return;
    };
    let (db, web) = (scene.pod("db"), scene.pod("web"));
    let mut follower = scene.follow("flows", &["--follow", "--last", "0"]);
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    std::thread::sleep(std::time::Duration::from_millis(200));
    web.ping(db.v6().unwrap()).unwrap();
    // Of the agent's first moments a few link-control packets may come late.
    let line = lines
        .map(Result::unwrap)
        .find(|line| line.contains("shop/web"))
        .unwrap();
    // Behind its number.
    let (_, line) = line.split_once(' ').unwrap();
    assert_eq!(
        line,
        "dropped shop/web (fd00:244::11) -> shop/db (fd00:244::13) icmpv6 128/0, \
         egress of shop/web: isolated by `web` at shop.pol:5 `policy web`"
    );
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let Some(scene) = Scene::enforcing("pipe", &shop()) else {
        return;
    };
    for subcommand in ["status", "flows", "peers"] {
        let mut child = scene.start_asking(subcommand);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "", "{subcommand}");
    }
}
