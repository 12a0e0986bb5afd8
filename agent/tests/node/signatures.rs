//! An agent that asks for signatures takes the bundles of those whom it trusts, and no others.

use std::{
    fs,
    path::{Path, PathBuf},
};

use minisign::KeyPair;
use polc_model::Direction;
use polc_testbed::Outcome;
use sha2::{Digest as _, Sha256};

use crate::{
    inputs::refused,
    package::{Package, labelled, tcp},
    scene::{Scene, text, words_of},
};

/// db takes this port from api.
fn shop(port: u16) -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(port))
        .compile()
}

/// Somebody who signs bundles.
struct Signer {
    pair: KeyPair,
    public_key: PathBuf,
}

impl Signer {
    /// With a new key, whose public half is a file of the scene.
    fn new(scene: &Scene, name: &str) -> Self {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = pair.pk.to_box().unwrap().into_string();
        Self {
            public_key: scene.write(&format!("{name}.pub"), public.as_bytes()),
            pair,
        }
    }

    fn sign(&self, bundle: &[u8]) -> String {
        let signature = minisign::sign(None, &self.pair.sk, bundle, Some("of a test"), None);
        signature.unwrap().into_string()
    }

    /// Writes a bundle and its signature beside it.
    fn publish(&self, scene: &Scene, name: &str, bundle: &[u8]) -> PathBuf {
        scene.write(&format!("{name}.minisig"), self.sign(bundle).as_bytes());
        scene.write(name, bundle)
    }
}

/// A bundle as a polc of the future might write it: of format 9, with a digest that fits.
#[expect(clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
fn of_the_future() -> Vec<u8> {
    const BLOCK: usize = 512;
    const DIGEST: usize = BLOCK;
    const MANIFEST: usize = 3 * BLOCK;
    let mut bytes = shop(5432);
    // Where tar keeps the size of the second entry, in octal.
    let size = String::from_utf8(bytes[2 * BLOCK + 124..][..11].to_vec()).unwrap();
    let size = usize::from_str_radix(&size, 8).unwrap();
    let manifest = String::from_utf8(bytes[MANIFEST..][..size].to_vec()).unwrap();
    let format = format!("\"format\":{}", polc_bundle::FORMAT_VERSION);
    assert!(manifest.contains(&format), "{manifest}");
    let manifest = manifest.replacen(&format, "\"format\":9", 1);
    bytes[MANIFEST..][..size].copy_from_slice(manifest.as_bytes());
    let digest = format!("{:x}", Sha256::digest(manifest));
    bytes[DIGEST..][..64].copy_from_slice(digest.as_bytes());
    bytes
}

fn apply(scene: &Scene, bundle: &Path) {
    let output = scene.ask("apply", &["--bundle", bundle.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Which of these ports of db api reaches.
fn open_ports(scene: &Scene) -> Vec<u16> {
    let db = scene.pod("db").v4().unwrap();
    let ports = [5432, 5433, 5434];
    let _servers = ports.map(|port| scene.pod("db").serve_tcp(port).unwrap());
    let reached = ports
        .into_iter()
        .filter(|&port| scene.pod("api").connect_tcp(db, port).unwrap() == Outcome::Reached);
    reached.collect()
}

#[test]
fn only_bundles_of_a_trusted_key_are_applied() {
    let Some(mut scene) = Scene::new("signed") else {
        return;
    };
    let alice = Signer::new(&scene, "alice");
    let bob = Signer::new(&scene, "bob");
    let mallory = Signer::new(&scene, "mallory");
    alice.publish(&scene, "start.polb", &shop(5432));
    scene.trust(&[alice.public_key.clone(), bob.public_key.clone()]);
    scene.start();
    assert_eq!(open_ports(&scene), [5432]);
    assert!(scene.status().signed_by.is_some());

    let refused = |name: &str, bundle: &[u8], signature: Option<&[u8]>, words: &str| {
        let path = scene.write(name, bundle);
        if let Some(signature) = signature {
            scene.write(&format!("{name}.minisig"), signature);
        }
        refused(&scene, &["--bundle", path.to_str().unwrap()], words);
    };
    let next = shop(5433);
    refused("unsigned.polb", &next, None, "not signed");
    let signature = mallory.sign(&next);
    refused(
        "mallory.polb",
        &next,
        Some(signature.as_bytes()),
        "not trusted",
    );
    let of_another = alice.sign(&shop(5434));
    refused(
        "moved.polb",
        &next,
        Some(of_another.as_bytes()),
        "does not fit",
    );
    let good = alice.sign(&next);
    let mut damaged = next.clone();
    damaged[next.len() / 2] ^= 1;
    refused(
        "damaged.polb",
        &damaged,
        Some(good.as_bytes()),
        "does not fit",
    );
    let cut = &good.as_bytes()[..good.len() / 2];
    refused("cut.polb", &next, Some(cut), "not a minisign signature");
    refused(
        "noise.polb",
        &next,
        Some(&[0xff; 100_000]),
        "not a minisign signature",
    );
    // Signed, and of no use to this agent all the same.
    let future = of_the_future();
    let signature = alice.sign(&future);
    refused(
        "future.polb",
        &future,
        Some(signature.as_bytes()),
        "has format 9",
    );
    assert_eq!(open_ports(&scene), [5432]);

    apply(&scene, &bob.publish(&scene, "next.polb", &next));
    assert_eq!(open_ports(&scene), [5433]);
}

#[test]
fn an_agent_that_is_given_what_it_does_not_trust_touches_nothing() {
    let Some(mut scene) = Scene::new("start-signed") else {
        return;
    };
    let alice = Signer::new(&scene, "alice");
    let mallory = Signer::new(&scene, "mallory");
    scene.trust(std::slice::from_ref(&alice.public_key));
    let refused = |scene: &Scene, words: &str| {
        let output = scene.run_again();
        let said = words_of(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!scene.path("bpf").exists());
        assert!(!scene.path("state/epoch-1").exists());
    };
    scene.write("start.polb", &shop(5432));
    refused(&scene, "not signed");
    mallory.publish(&scene, "start.polb", &shop(5432));
    refused(&scene, "not trusted");
    alice.publish(&scene, "start.polb", &of_the_future());
    refused(&scene, "has format 9");
    // A key that is none is no reason to trust everybody.
    alice.publish(&scene, "start.polb", &shop(5432));
    scene.trust(&[scene.path("start.polb")]);
    refused(&scene, "not a minisign public key");
    scene.trust(&[scene.path("missing.pub")]);
    assert_eq!(scene.run_again().status.code(), Some(2));

    scene.trust(std::slice::from_ref(&alice.public_key));
    scene.start();
    assert_eq!(open_ports(&scene), [5432]);
}

#[test]
fn a_restart_asks_again_whose_bundle_is_in_force() {
    let Some(mut scene) = Scene::new("restart-signed") else {
        return;
    };
    let alice = Signer::new(&scene, "alice");
    alice.publish(&scene, "start.polb", &shop(5432));
    scene.trust(std::slice::from_ref(&alice.public_key));
    scene.start();
    apply(&scene, &alice.publish(&scene, "next.polb", &shop(5433)));
    // What is in force carries its signature with it.
    fs::remove_file(scene.path("next.polb.minisig")).unwrap();
    scene.kill();
    let said = scene.start();
    assert!(said.contains("goes on with bundle"), "{said}");
    assert_eq!(open_ports(&scene), [5433]);

    // Somebody exchanges what was kept: it gives way to what the agent is given.
    let epoch = scene.status().epoch;
    scene.kill();
    let kept = format!("state/epoch-{epoch}/bundle.polb");
    scene.write(&kept, &shop(5434));
    let said = scene.start();
    assert!(
        said.contains("does not fit") && said.contains("gives way"),
        "{said}"
    );
    assert_eq!(open_ports(&scene), [5432]);
}

#[test]
fn other_keys_do_not_go_on_with_what_they_did_not_sign() {
    let Some(mut scene) = Scene::new("other-keys") else {
        return;
    };
    let old = Signer::new(&scene, "old");
    let new = Signer::new(&scene, "new");
    old.publish(&scene, "start.polb", &shop(5432));
    scene.trust(std::slice::from_ref(&old.public_key));
    scene.start();
    apply(&scene, &old.publish(&scene, "next.polb", &shop(5433)));
    let epoch = scene.status().epoch;

    // Neither what is in force nor what is given has the new key's signature: no agent, and what
    // was in force stays.
    scene.kill();
    scene.trust(std::slice::from_ref(&new.public_key));
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(1));
    let said = words_of(&output.stderr);
    assert!(said.contains("not trusted"), "{said}");
    assert_eq!(open_ports(&scene), [5433]);

    // Both keys are trusted while one replaces the other.
    scene.trust(&[old.public_key.clone(), new.public_key.clone()]);
    let said = scene.start();
    assert!(said.contains("goes on with bundle"), "{said}");
    assert_eq!(scene.status().epoch, epoch);

    // The bundle that is given is signed anew; the one in force is not.
    scene.kill();
    new.publish(&scene, "start.polb", &shop(5432));
    scene.trust(std::slice::from_ref(&new.public_key));
    let said = scene.start();
    assert!(said.contains("gives way"), "{said}");
    assert_eq!(open_ports(&scene), [5432]);
    assert!(scene.status().epoch > epoch);
}

#[test]
fn an_agent_that_begins_to_ask_for_signatures_asks_for_that_of_what_is_in_force() {
    let Some(mut scene) = Scene::new("begin-signed") else {
        return;
    };
    let alice = Signer::new(&scene, "alice");
    alice.publish(&scene, "start.polb", &shop(5432));
    scene.start();
    assert_eq!(scene.status().signed_by, None);
    // It was signed, though nobody asked.
    scene.kill();
    scene.trust(std::slice::from_ref(&alice.public_key));
    let said = scene.start();
    assert!(said.contains("goes on with bundle"), "{said}");
    assert!(scene.status().signed_by.is_some());

    scene.kill();
    scene.trust(&[]);
    scene.start();
    scene.apply(&shop(5433));
    assert_eq!(open_ports(&scene), [5433]);
    scene.kill();
    scene.trust(std::slice::from_ref(&alice.public_key));
    let said = scene.start();
    assert!(
        said.contains("not signed") && said.contains("gives way"),
        "{said}"
    );
    assert_eq!(open_ports(&scene), [5432]);
}
