//! `polc-agent endpoints`, `peers` and `policies`: what is in force, as an operator looks at it.

use std::time::{Duration, Instant};

use polc_agent::inspect::{endpoints::Endpoint, peers::Peer, policies::Policy};
use polc_model::{Direction, Enforcement, L4Match};
use serde::de::DeserializeOwned;

use crate::{
    package::{Package, cidr, labelled, tcp},
    scene::{Scene, text},
};

/// db takes tcp 5432 from api and web's egress goes to one block; what api takes is reported.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("api", "api", &[Direction::Ingress])
        .audited()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, cidr("192.0.2.0/24"), L4Match::Any)
        .compile()
}

fn json<T: DeserializeOwned>(scene: &Scene, subcommand: &str) -> Vec<T> {
    let output = scene.ask(subcommand, &["--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The lines of a table. Each starts with a name.
fn table(scene: &Scene, subcommand: &str) -> Vec<String> {
    let output = scene.ask(subcommand, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn status_waits_for_an_agent_that_enforces() {
    let Some(mut scene) = Scene::new("wait") else {
        return;
    };
    // Nobody comes.
    let begin = Instant::now();
    let output = scene.ask("status", &["--wait", "1"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(begin.elapsed() >= Duration::from_secs(1));

    // Somebody does.
    scene.write("start.polb", &shop());
    let waiting = scene.follow("status", &["--wait", "20"]);
    scene.start();
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    assert!(said.contains("in force on node-1"), "{said}");
    // At once, when there is nothing to wait for.
    assert_eq!(scene.ask("status", &["--wait"]).status.code(), Some(0));
}

#[test]
fn endpoints_are_listed_with_who_judges_them() {
    let Some(scene) = Scene::enforcing("lsends", &shop()) else {
        return;
    };
    let endpoints: Vec<Endpoint> = json(&scene, "endpoints");
    let [api, db, web] = &endpoints[..] else {
        panic!("{endpoints:#?}")
    };
    assert_eq!(db.name, "shop/db");
    assert_eq!(db.interface.as_deref(), Some("veth-db"));
    assert!(db.ifindex.is_some());
    assert_eq!(db.labels.get("app").map(String::as_str), Some("db"));
    assert_eq!(
        db.addresses,
        [scene.pod("db").v4().unwrap(), scene.pod("db").v6().unwrap()]
    );
    assert_eq!(
        (db.ingress.to_string(), db.egress.to_string()),
        ("isolated: db".to_owned(), "open".to_owned())
    );
    assert_eq!(api.ingress.to_string(), "open: api (audit)");
    assert_eq!(web.egress.to_string(), "isolated: web");
    assert!(api.id != db.id && db.id != web.id);

    let lines = table(&scene, "endpoints");
    assert_eq!(lines.len(), 1 + endpoints.len(), "{lines:#?}");
    assert!(lines[0].starts_with("NAME"));
    assert!(lines[2].contains("10.244.0.13, fd00:244::13"), "{lines:#?}");
}

#[test]
fn peers_are_listed_with_the_policies_that_speak_about_them() {
    let Some(scene) = Scene::enforcing("lspeer", &shop()) else {
        return;
    };
    let peers: Vec<Peer> = json(&scene, "peers");
    let by_name = |name: &str| peers.iter().find(|peer| peer.name == name).unwrap();
    assert_eq!(by_name("node-1").kind, "host");
    assert_eq!(by_name("shop/api").policies, ["db"]);
    assert_eq!(by_name("shop/web").policies, [""; 0]);
    let block = "192.0.2.0/24".parse().unwrap();
    let outside = peers.iter().find(|peer| peer.block == Some(block)).unwrap();
    assert_eq!(
        (outside.kind.as_str(), &outside.policies[..]),
        ("world", &["web".to_owned()][..])
    );
    let lines = table(&scene, "peers");
    assert_eq!(lines.len(), 1 + peers.len(), "{lines:#?}");
}

#[test]
fn policies_are_listed_with_what_they_decided() {
    let Some(scene) = Scene::enforcing("lspol", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [db.serve_tcp(5432).unwrap(), api.serve_tcp(80).unwrap()];
    let to = db.v4().unwrap();
    api.connect_tcp(to, 5432).unwrap();
    api.connect_tcp(to, 5433).unwrap();
    db.connect_tcp(api.v4().unwrap(), 80).unwrap();

    let policies: Vec<Policy> = json(&scene, "policies");
    let [audited, isolating, egress] = &policies[..] else {
        panic!("{policies:#?}")
    };
    assert_eq!(isolating.name, "db");
    assert_eq!(isolating.place, "shop.pol:2");
    assert_eq!(isolating.endpoints, ["shop/db"]);
    assert_eq!(isolating.directions, [Direction::Ingress]);
    // One was allowed by the rule; the other was denied, again with each attempt.
    assert!(isolating.denied >= 1, "{isolating:#?}");
    assert_eq!(isolating.packets, isolating.denied + 1);
    assert!(isolating.bytes > isolating.packets);
    assert_eq!(audited.enforcement, Enforcement::Audit);
    // db's connection passed, and would not have.
    assert_eq!((audited.packets, audited.denied), (1, 1), "{audited:#?}");
    assert_eq!((egress.packets, egress.denied), (0, 0));
    web.connect_tcp(to, 5432).unwrap();
    let policies: Vec<Policy> = json(&scene, "policies");
    assert!(policies[2].denied >= 1, "{policies:#?}");

    let lines = table(&scene, "policies");
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[1].starts_with("api   shop.pol:1"), "{lines:#?}");
}
