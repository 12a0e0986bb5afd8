//! Inputs that cannot be used: refused in words, with what is in force untouched.

use std::fs;

use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{INVENTORY, Scene, text, words_of},
};

fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile()
}

/// Applies, expects to be refused with exit code 1 and these words, and that nothing changed.
pub(crate) fn refused(scene: &Scene, arguments: &[&str], words: &str) {
    let before = scene.status().epoch;
    let output = scene.ask("apply", arguments);
    let said = words_of(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(words), "{said}");
    assert_eq!(scene.status().epoch, before);
}

#[test]
fn damaged_bundles_change_nothing() {
    let bundle = shop();
    let Some(scene) = Scene::enforcing("damaged", &bundle) else {
        return;
    };
    let half = scene.write("half.polb", &bundle[..bundle.len() / 2]);
    refused(&scene, &["--bundle", half.to_str().unwrap()], "half.polb");
    for position in (0..bundle.len()).step_by(bundle.len() / 40) {
        let mut flipped = bundle.clone();
        flipped[position] ^= 0x10;
        let path = scene.write("flipped.polb", &flipped);
        refused(
            &scene,
            &["--bundle", path.to_str().unwrap()],
            "flipped.polb",
        );
    }
    let text = scene.write("text.polb", b"this is not a bundle");
    refused(
        &scene,
        &["--bundle", text.to_str().unwrap()],
        "not a polc bundle",
    );

    let db = scene.pod("db");
    let _server = db.serve_tcp(5432).unwrap();
    let address = db.v4().unwrap();
    assert_eq!(
        scene.pod("api").connect_tcp(address, 5432).unwrap(),
        Outcome::Reached
    );
    assert_eq!(
        scene.pod("web").connect_tcp(address, 5432).unwrap(),
        Outcome::Blocked
    );
}

#[test]
fn inventories_that_do_not_fit_change_nothing() {
    let Some(scene) = Scene::enforcing("inventory", &shop()) else {
        return;
    };
    let bundle = scene.path("start.polb");
    let bundle = bundle.to_str().unwrap();
    let missing = INVENTORY.replace("veth-db", "veth-gone");
    let missing = scene.write("missing.yaml", missing.as_bytes());
    let arguments = ["--bundle", bundle, "--inventory", missing.to_str().unwrap()];
    refused(&scene, &arguments, "veth-gone");
    let broken = scene.write("broken.yaml", b"node: [");
    let arguments = ["--bundle", bundle, "--inventory", broken.to_str().unwrap()];
    refused(&scene, &arguments, "broken.yaml");
    let db = scene.pod("db");
    let _server = db.serve_tcp(5432).unwrap();
    assert_eq!(
        scene
            .pod("web")
            .connect_tcp(db.v4().unwrap(), 5432)
            .unwrap(),
        Outcome::Blocked
    );
}

#[test]
fn an_agent_that_cannot_start_touches_nothing() {
    let Some(mut scene) = Scene::new("start") else {
        return;
    };
    scene.write("start.polb", &shop());
    let missing = INVENTORY.replace("veth-db", "veth-gone");
    fs::write(scene.path("inventory.yaml"), missing).unwrap();
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("veth-gone") && said.contains("shop/db"),
        "{said}"
    );
    assert!(!scene.path("bpf").exists());

    fs::write(scene.path("inventory.yaml"), INVENTORY).unwrap();
    scene.start();
}

#[test]
fn a_new_inventory_takes_effect_on_live_endpoints() {
    let Some(scene) = Scene::enforcing("relabel", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _server = db.serve_tcp(5432).unwrap();
    let address = db.v4().unwrap();
    assert_eq!(api.connect_tcp(address, 5432).unwrap(), Outcome::Reached);
    assert_eq!(web.connect_tcp(address, 5432).unwrap(), Outcome::Blocked);
    // api and web change roles.
    let swapped = INVENTORY
        .replace("{ app: api }", "{ app: other }")
        .replace("{ app: web }", "{ app: api }");
    let swapped = scene.write("swapped.yaml", swapped.as_bytes());
    let bundle = scene.path("start.polb");
    let output = scene.ask(
        "apply",
        &[
            "--bundle",
            bundle.to_str().unwrap(),
            "--inventory",
            swapped.to_str().unwrap(),
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(api.connect_tcp(address, 5432).unwrap(), Outcome::Blocked);
    assert_eq!(web.connect_tcp(address, 5432).unwrap(), Outcome::Reached);
}
