//! Peers that are known by the part that they play, and endpoints of which nothing is known yet.

use polc_model::{Direction, Entity, L4Match, SelectorExpr};
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{INVENTORY, OUTSIDE, Scene},
};

/// The shop, with web in `init`.
fn web_in_init() -> String {
    let inventory = INVENTORY.replace("labels: { app: web }", "init: true");
    assert_ne!(inventory, INVENTORY);
    inventory
}

#[test]
fn an_endpoint_is_isolated_until_its_labels_are_known() {
    let nothing = Package::new().compile();
    let Some(scene) = Scene::enforcing("init", &nothing) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [api, db, web].map(|pod| pod.serve_tcp(80).unwrap());
    let connect = |from: &polc_testbed::Host, to: &polc_testbed::Host| {
        let outcomes = [to.v4().unwrap(), to.v6().unwrap()]
            .map(|address| from.connect_tcp(address, 80).unwrap());
        assert_eq!(outcomes[0], outcomes[1]);
        outcomes[0]
    };
    assert_eq!(connect(web, db), Outcome::Reached);

    scene.apply_with(&nothing, &web_in_init());
    assert_eq!(connect(web, db), Outcome::Blocked);
    assert_eq!(connect(api, web), Outcome::Blocked);
    assert_eq!(connect(api, db), Outcome::Reached);
    let probed = scene
        .testbed
        .in_node(|| std::net::TcpStream::connect((web.v4().unwrap(), 80)).is_ok());
    assert!(probed.unwrap(), "its own node reaches it");
    let flows = scene.flows();
    // Of the agent's first moments a few drops may be for other reasons.
    let mut by_policy = flows
        .iter()
        .filter(|flow| flow.reason.as_deref() == Some("policy"));
    let dropped = by_policy.next().unwrap();
    assert_eq!(
        dropped.decider.as_ref().unwrap().to_string(),
        "isolated, as its labels are not known yet"
    );

    // A policy for `init` says what it may do meanwhile; one for its labels does not.
    let some = Package::new()
        .policy_for(
            "start",
            SelectorExpr::Entity(Entity::Init),
            &[Direction::Egress],
        )
        .allow(Direction::Egress, labelled("db"), tcp(80))
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, labelled("api"), L4Match::Any)
        .compile();
    scene.apply_with(&some, &web_in_init());
    assert_eq!(connect(web, db), Outcome::Reached);
    assert_eq!(connect(web, api), Outcome::Blocked);
    assert_eq!(connect(api, web), Outcome::Blocked);
    scene.apply_with(&some, INVENTORY);
    assert_eq!(connect(web, db), Outcome::Blocked);
    assert_eq!(connect(web, api), Outcome::Reached);
    assert_eq!(connect(api, web), Outcome::Reached);
}

#[test]
fn an_api_server_is_reached_where_the_inventory_says() {
    let bundle = Package::new()
        .policy("web", "web", &[Direction::Egress])
        .allow(
            Direction::Egress,
            SelectorExpr::Entity(Entity::KubeApiserver),
            tcp(443),
        )
        .compile();
    let Some(scene) = Scene::enforcing("apiserver", &bundle) else {
        return;
    };
    let (db, web) = (scene.pod("db"), scene.pod("web"));
    let outside = scene.testbed.outside().unwrap();
    let _servers = [db, outside].map(|host| host.serve_tcp(443).unwrap());
    let reached = |address: &str| {
        let outcome = web.connect_tcp(address.parse().unwrap(), 443).unwrap();
        outcome == Outcome::Reached
    };
    let all = [OUTSIDE[0], OUTSIDE[1], "10.244.0.13", "fd00:244::13"];
    assert_eq!(all.map(reached), [false; 4]);
    // One outside, and one at an address of db.
    let servers = format!(
        "addresses_of: {{ kube_apiserver: [{}, 10.244.0.13] }}",
        OUTSIDE[0]
    );
    scene.apply_with(&bundle, &format!("{INVENTORY}{servers}\n"));
    assert_eq!(all.map(reached), [true, false, true, false]);
}
