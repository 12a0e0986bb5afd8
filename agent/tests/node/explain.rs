//! `polc-agent explain` says why, and what it says is what happens.

use polc_agent::{
    flows::FlowRecord,
    inspect::explain::{Explanation, side::Outcome},
};
use polc_model::Direction;
use polc_testbed::{Frame, Outcome as Reached};

use crate::{
    package::{Package, labelled, tcp, udp},
    scene::{OUTSIDE, Scene, text, words_of},
};

/// db takes tcp 5432 from api, rejects tcp 5433; web may send to api only.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .reject(Direction::Ingress, labelled("api"), tcp(5433))
        .allow(Direction::Ingress, labelled("web"), udp(53))
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, labelled("api"), tcp(80))
        .compile()
}

/// What `polc-agent explain` says.
pub(crate) fn explain(scene: &Scene, arguments: &[&str]) -> Explanation {
    let output = scene.ask("explain", &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_explained_is_what_happens() {
    let Some(scene) = Scene::enforcing("explain", &shop()) else {
        return;
    };
    let db = scene.pod("db");
    let ports = [5432, 5433, 5434];
    let _servers = ports.map(|port| db.serve_tcp(port).unwrap());
    for from in ["api", "web"] {
        for (port, address) in ports.into_iter().zip([db.v4(), db.v6(), db.v4()]) {
            let address = address.unwrap();
            let (to, port_text) = (address.to_string(), format!("tcp/{port}"));
            let arguments = ["--from", from, "--to", &to, "--port", &port_text];
            let explanation = explain(&scene, &arguments);
            let reached = scene.pod(from).connect_tcp(address, port).unwrap();
            let expected = match reached {
                Reached::Reached => "allowed",
                Reached::Refused => "rejected",
                Reached::Blocked => "denied",
                other => panic!("{other:?}"),
            };
            assert_eq!(explanation.verdict, expected, "{explanation:#?}");
        }
    }
    let arguments = ["--from", "api", "--to", "db", "--port", "tcp/5432"];
    let explanation = explain(&scene, &arguments);
    let [egress, ingress] = &explanation.sides[..] else {
        panic!("{explanation:#?}")
    };
    assert_eq!(egress.decider.kind, "no_policy");
    assert!(egress.is_here && ingress.is_here);
    let outcomes: Vec<Outcome> = ingress.rules.iter().map(|rule| rule.outcome).collect();
    // Deny and reject are asked before allow.
    assert_eq!(
        outcomes,
        [Outcome::Differs, Outcome::Decides, Outcome::Differs]
    );
    assert_eq!(ingress.rules[1].place, "shop.pol:2");
    assert!(ingress.rules[0].peer_matches && !ingress.rules[0].port_matches);
}

#[test]
fn a_record_is_explained_by_its_number() {
    let Some(scene) = Scene::enforcing("why", &shop()) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    scene.pod("web").connect_tcp(db, 5432).unwrap();
    let flows = scene.flows();
    let by_policy = |flow: &&FlowRecord| flow.reason.as_deref() == Some("policy");
    let dropped = flows.iter().find(by_policy);
    let dropped = dropped.unwrap();
    // The policy of then explains it, whatever is in force now.
    scene.apply(&Package::new().compile());
    let id = dropped.id.to_string();
    let explanation = explain(&scene, &[&id]);
    assert_eq!(explanation.epoch, dropped.epoch);
    assert_eq!(explanation.verdict, "denied");
    assert_eq!(
        Some(&explanation.sides[0].decider),
        dropped.decider.as_ref()
    );

    let shown = text(&scene.ask("explain", &[&id]).stdout);
    for line in [
        "shop/web (10.244.0.11) -> shop/db (10.244.0.13), tcp 5432: denied",
        "egress of shop/web",
        "  denied: isolated by `web` at shop.pol:5 `policy web`",
        "  class: isolated: web",
        "  denied: isolated by `db` at shop.pol:1 `policy db`",
    ] {
        assert!(shown.lines().any(|one| one == line), "`{line}`: {shown}");
    }
    // Nobody is isolated any more.
    let arguments = ["--from", "web", "--to", "db", "--port", "tcp/5432"];
    assert_eq!(explain(&scene, &arguments).verdict, "allowed");
}

#[test]
fn a_packet_that_policy_was_not_asked_about_is_explained_as_such() {
    let Some(scene) = Scene::enforcing("unasked", &shop()) else {
        return;
    };
    let (api, web) = (scene.pod("api"), scene.pod("web"));
    let (db, stolen) = (scene.pod("db").v4().unwrap(), api.v4().unwrap());
    web.inject(&Frame::udp((stolen, 4000), (db, 53))).unwrap();
    let flows = scene.flows();
    let spoofed = |flow: &&FlowRecord| flow.reason.as_deref() == Some("spoofed_source");
    let id = flows.iter().find(spoofed).unwrap().id.to_string();
    let shown = text(&scene.ask("explain", &[&id]).stdout);
    let line = "it was dropped before policy was asked; policy would have said:";
    assert!(shown.lines().any(|one| one == line), "{shown}");
}

#[test]
fn packets_of_the_world_have_one_side() {
    let Some(scene) = Scene::enforcing("oneside", &shop()) else {
        return;
    };
    let arguments = ["--from", OUTSIDE[0], "--to", "db", "--icmp", "8"];
    let explanation = explain(&scene, &arguments);
    assert_eq!(explanation.source.name, "world");
    let [side] = &explanation.sides[..] else {
        panic!("{explanation:#?}")
    };
    assert_eq!(
        (side.direction, side.verdict.as_str()),
        (Direction::Ingress, "denied")
    );
    let shown = text(&scene.ask("explain", &arguments).stdout);
    assert!(
        shown.contains("3 rules match neither the peer nor the port (`--all` shows them)"),
        "{shown}"
    );
    let all = text(
        &scene
            .ask("explain", &[&arguments[..], &["--all"]].concat())
            .stdout,
    );
    assert!(all.contains("shop.pol:4"), "{all}");
}

#[test]
fn questions_without_an_answer_are_refused() {
    let Some(scene) = Scene::enforcing("noansw", &shop()) else {
        return;
    };
    for (arguments, said) in [
        (&["99999"][..], "there is no record 99999"),
        (&[], "required arguments were not provided"),
        (
            &["--from", "web", "--to", "db"],
            "required arguments were not provided",
        ),
        (
            &["--from", "web", "--to", "db", "--port", "443"],
            "such as `tcp/443`",
        ),
        (
            &["--from", "web", "--to", "dbb", "--port", "tcp/1"],
            "did you mean `db`?",
        ),
        (
            &["--from", "web", "--to", "10.0.0.0/8", "--port", "tcp/1"],
            "give one address of the block",
        ),
    ] {
        let output = scene.ask("explain", arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let words = words_of(&output.stderr);
        assert!(words.contains(said), "{arguments:?}: {words}");
    }
}
