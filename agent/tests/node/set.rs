//! Single endpoints that come and go through the API, beside the inventory.

use polc_agent::inspect::endpoints::Endpoint;
use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{INVENTORY, Scene, text, words_of},
};

fn bundle() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile()
}

fn connects(scene: &Scene, from: &str) -> Outcome {
    let db = scene.pod("db").v4().unwrap();
    scene.pod(from).connect_tcp(db, 5432).unwrap()
}

/// Sets what a text says, and returns what comes of it: whether it is in force, and what is said.
fn set(scene: &Scene, what: &str) -> (bool, String) {
    let file = scene.write("set.yaml", what.as_bytes());
    ask(scene, &["set", file.to_str().unwrap()])
}

fn remove(scene: &Scene, name: &str) -> (bool, String) {
    ask(scene, &["remove", name])
}

fn ask(scene: &Scene, arguments: &[&str]) -> (bool, String) {
    let output = scene.ask_part("endpoint", arguments);
    let said = format!("{}{}", text(&output.stdout), words_of(&output.stderr));
    (output.status.success(), said)
}

fn web(app: &str) -> String {
    format!(
        "endpoints: [{{ name: web, namespace: shop, labels: {{ app: {app} }}, interface: veth-web, \
         addresses: [10.244.0.11, \"fd00:244::11\"] }}]\n"
    )
}

/// The same as Kubernetes says it.
fn web_pod(app: &str, phase: &str) -> String {
    format!(
        "{{ \"apiVersion\": \"v1\", \"kind\": \"Pod\", \
         \"metadata\": {{ \"name\": \"web\", \"namespace\": \"shop\", \"labels\": {{ \"app\": \"{app}\" }} }}, \
         \"spec\": {{ \"nodeName\": \"node-1\" }}, \
         \"status\": {{ \"phase\": \"{phase}\", \"podIPs\": [{{ \"ip\": \"10.244.0.11\" }}, {{ \"ip\": \"fd00:244::11\" }}] }} }}"
    )
}

#[test]
fn an_endpoint_is_enforced_when_the_agent_answers() {
    let Some(scene) = Scene::enforcing("set-answers", &bundle()) else {
        return;
    };
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    for round in 0..10 {
        let (app, expected) = match round % 2 {
            0 => ("api", Outcome::Reached),
            _ => ("web", Outcome::Blocked),
        };
        let what = match round % 4 {
            0 | 1 => web(app),
            _ => web_pod(app, "Running"),
        };
        let (is_set, said) = set(&scene, &what);
        assert!(
            is_set && said.starts_with("shop/web is in force, epoch"),
            "{said}"
        );
        assert_eq!(connects(&scene, "web"), expected, "{round}");
    }
    // The same again is in force already.
    let epoch = scene.status().epoch;
    assert!(set(&scene, &web("web")).0);
    assert_eq!(scene.status().epoch, epoch);
}

#[test]
fn what_was_set_can_be_removed_and_the_inventory_counts_again() {
    let Some(scene) = Scene::enforcing("set-remove", &bundle()) else {
        return;
    };
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    assert!(set(&scene, &web("api")).0);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    let (is_removed, said) = remove(&scene, "shop/web");
    assert!(
        is_removed && said.starts_with("shop/web is not set, epoch"),
        "{said}"
    );
    assert_eq!(connects(&scene, "web"), Outcome::Blocked);
    let (is_removed, said) = remove(&scene, "shop/web");
    assert!(
        !is_removed && said.contains("the inventory says this one"),
        "{said}"
    );
    assert!(!remove(&scene, "shop/nobody").0);
    // A pod that ends is removed as well.
    assert!(set(&scene, &web_pod("api", "Running")).0);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    let (is_set, said) = set(&scene, &web_pod("api", "Succeeded"));
    assert!(is_set && said.contains("it has ended"), "{said}");
    assert_eq!(connects(&scene, "web"), Outcome::Blocked);
}

#[test]
fn peers_elsewhere_can_be_set_too() {
    let Some(scene) = Scene::enforcing("set-peer", &bundle()) else {
        return;
    };
    let peer =
        "endpoints: [{ name: far, namespace: shop, labels: { app: api }, addresses: [192.0.2.7] }]";
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let db = scene.pod("db").v4().unwrap();
    let outside = scene.testbed.outside().unwrap();
    assert_eq!(outside.connect_tcp(db, 5432).unwrap(), Outcome::Blocked);
    assert!(set(&scene, peer).0);
    assert_eq!(outside.connect_tcp(db, 5432).unwrap(), Outcome::Reached);
    assert!(remove(&scene, "shop/far").0);
    assert_eq!(outside.connect_tcp(db, 5432).unwrap(), Outcome::Blocked);
}

#[test]
fn what_cannot_be_enforced_is_refused_and_changes_nothing() {
    let Some(scene) = Scene::enforcing("set-refused", &bundle()) else {
        return;
    };
    let epoch = scene.status().epoch;
    let endpoint = |what: &str| format!("endpoints: [{{ name: new, namespace: shop, {what} }}]");
    for (what, reason) in [
        (
            endpoint("interface: veth-new, addresses: [10.244.0.50]"),
            "`veth-new`, which does not exist here",
        ),
        (
            endpoint("node: node-1, addresses: [10.244.0.50]"),
            "no address of it has a route of its own",
        ),
        (
            endpoint("addresses: [10.244.0.12]"),
            "`10.244.0.12` belongs to endpoint `shop/api` and to endpoint `shop/new`",
        ),
        (
            "node: { name: node-1 }".to_owned(),
            "only endpoints can be set",
        ),
        ("endpoints: []".to_owned(), "it says no endpoint"),
        ("endpoints: [".to_owned(), "line 2, column 1"),
    ] {
        let (is_set, said) = set(&scene, &what);
        assert!(!is_set && said.contains(reason), "{what}: {said}");
    }
    assert_eq!(scene.status().epoch, epoch);
    assert!(
        scene
            .status()
            .endpoints
            .iter()
            .all(|one| one.name != "shop/new")
    );
}

#[test]
fn what_was_set_outlives_the_agent_and_other_inventories() {
    let Some(mut scene) = Scene::enforcing("set-restart", &bundle()) else {
        return;
    };
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    assert!(set(&scene, &web("api")).0);
    let epoch = scene.status().epoch;
    scene.kill();
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    scene.start();
    assert_eq!(scene.status().epoch, epoch, "nothing was applied again");
    assert_eq!(connects(&scene, "web"), Outcome::Reached);

    // An inventory alone may be applied; what was set stands above it.
    let other = INVENTORY.replace("labels: { app: api }", "labels: { app: other }");
    let other = scene.write("other.yaml", other.as_bytes());
    let output = scene.ask("apply", &["--inventory", other.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(connects(&scene, "api"), Outcome::Blocked);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    // Both outlive the next agent.
    let epoch = scene.status().epoch;
    scene.terminate();
    scene.start();
    assert_eq!(scene.status().epoch, epoch, "nothing was applied again");
    assert_eq!(connects(&scene, "api"), Outcome::Blocked);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    // What it is started with has changed: that is what its owner wants now.
    scene.terminate();
    scene.write(
        "inventory.yaml",
        format!("{INVENTORY}# changed\n").as_bytes(),
    );
    scene.start();
    assert_eq!(connects(&scene, "api"), Outcome::Reached);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
}

#[test]
fn what_was_set_stands_above_what_is_followed() {
    let Some(mut scene) = Scene::new("set-followed") else {
        return;
    };
    scene.write("start.polb", &bundle());
    scene.run_with(&["--follow-inventory"]);
    scene.start();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    assert!(set(&scene, &web("api")).0);
    let changes = |scene: &Scene| scene.status().followed.unwrap().changes;
    let before = changes(&scene);
    let other = INVENTORY.replace("labels: { app: api }", "labels: { app: other }");
    scene.write("inventory.yaml", other.as_bytes());
    for _ in 0..500 {
        if changes(&scene) > before {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(connects(&scene, "api"), Outcome::Blocked);
    assert_eq!(connects(&scene, "web"), Outcome::Reached);
    assert!(remove(&scene, "shop/web").0);
    assert_eq!(connects(&scene, "web"), Outcome::Blocked);
    let output = scene.ask("endpoints", &["--json"]);
    let endpoints: Vec<Endpoint> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(endpoints.len(), 3);
}
