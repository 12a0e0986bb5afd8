//! What a packet costs. Not a check: run it with `--ignored --nocapture measure`.

use std::{fs, process::Command};

use polc_model::Direction;
use polc_testbed::Frame;

use crate::{
    package::{Package, labelled, udp},
    scene::{Scene, text},
};

#[test]
#[ignore = "a measurement"]
fn the_hooks_in_nanoseconds() {
    let bundle = Package::new()
        .policy("api", "api", &[Direction::Egress])
        .allow(Direction::Egress, labelled("db"), udp(53))
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .compile();
    let Some(scene) = Scene::enforcing("measure", &bundle) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    for (what, source, destination) in [
        ("IPv4", api.v4().unwrap(), db.v4().unwrap()),
        ("IPv6", api.v6().unwrap(), db.v6().unwrap()),
    ] {
        for (state, port) in [("known flow", 53), ("denied new flow", 54)] {
            let frame = Frame::udp((source, 4000), (destination, port));
            fs::write(scene.path("frame"), frame.bytes()).unwrap();
            for (hook, interface) in [("from_endpoint", "veth-api"), ("to_endpoint", "veth-db")] {
                let took = run(&scene, hook, interface);
                println!("{what}, {state}, {hook}: {took}");
            }
        }
    }
}

/// Runs the latest program of this name a million times on the frame.
fn run(scene: &Scene, hook: &str, interface: &str) -> String {
    let script = format!(
        "id=$(bpftool prog show name {hook} | sed -n 's/^\\([0-9]*\\): .*/\\1/p' | tail -1)
         index=$(ip -o link show {interface} | cut -d: -f1)
         head -c 40 /dev/zero > {context}
         printf \"\\\\x$(printf %02x $index)\" >> {context}
         head -c 151 /dev/zero >> {context}
         bpftool prog run id $id data_in {frame} ctx_in {context} repeat 1000000",
        context = scene.path("context").display(),
        frame = scene.path("frame").display(),
    );
    let output = scene
        .testbed
        .in_node(|| Command::new("bash").args(["-c", &script]).output())
        .unwrap()
        .unwrap();
    text(&output.stdout) + &text(&output.stderr)
}
