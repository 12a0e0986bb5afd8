//! `polc-agent flows` shows what was asked for.

use std::{
    io::{BufRead as _, BufReader},
    time::Duration,
};

use polc_agent::flows::FlowRecord;
use polc_model::Direction;

use crate::{
    package::{Package, labelled, tcp, udp},
    scene::{Scene, text, words_of},
};

/// db takes tcp 5432 from api and rejects tcp 5433; nothing else reaches it. What api takes is only
/// reported.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("api", "api", &[Direction::Ingress])
        .audited()
        .allow(Direction::Ingress, labelled("db"), tcp(80))
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .reject(Direction::Ingress, labelled("api"), tcp(5433))
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .compile()
}

/// What `flows` shows with these arguments, in the order of the packets.
fn shown(scene: &Scene, arguments: &[&str]) -> Vec<FlowRecord> {
    let output = scene.ask("flows", &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn filters_show_the_flows_that_one_asks_for() {
    let Some(scene) = Scene::enforcing("filter", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let to = db.v4().unwrap();
    let _servers = [db.serve_tcp(5432).unwrap(), api.serve_tcp(81).unwrap()];
    api.connect_tcp(to, 5432).unwrap();
    api.connect_tcp(to, 5433).unwrap();
    api.connect_tcp(to, 5434).unwrap();
    api.send_udp(to, 53).unwrap();
    web.connect_tcp(to, 5432).unwrap();
    web.connect_tcp(api.v4().unwrap(), 81).unwrap();
    std::thread::sleep(Duration::from_millis(100));

    // Whoever sent it, and under whatever name one knows them.
    for web in ["shop/web", "web", "10.244.0.11", "10.244.0.11/32"] {
        let flows = shown(&scene, &["--from", web, "--to", "db"]);
        assert!(!flows.is_empty(), "{web}");
        for flow in flows {
            assert_eq!(flow.source.name, "shop/web");
            assert_eq!(flow.destination.name, "shop/db");
        }
    }
    let all = shown(&scene, &["--from", "10.244.0.0/24", "--last", "1000"]);
    assert!(all.iter().any(|flow| flow.source.name == "shop/api"));

    // What became of it.
    let port = |verdict: &str| {
        let flows = shown(
            &scene,
            &["--from", "api", "--to", "db", "--verdict", verdict],
        );
        let at_db = flows.iter().filter(|flow| flow.direction == "ingress");
        at_db
            .filter_map(|flow| flow.destination.port)
            .collect::<Vec<_>>()
    };
    assert_eq!(port("allowed"), [5432, 53]);
    assert!(port("denied").iter().all(|&port| port == 5434));
    assert!(port("rejected").iter().all(|&port| port == 5433));
    assert!(!port("denied").is_empty() && !port("rejected").is_empty());
    let audited = shown(&scene, &["--verdict", "audit"]);
    let [audited] = &audited[..] else {
        panic!("{audited:#?}")
    };
    assert_eq!(audited.destination.port, Some(81));

    // Which port.
    assert!(!shown(&scene, &["--port", "tcp/5432"]).is_empty());
    assert!(shown(&scene, &["--port", "udp/5432"]).is_empty());
    assert!(!shown(&scene, &["--port", "53", "--from", "api"]).is_empty());
}

#[test]
fn the_last_n_are_counted_after_filtering() {
    let Some(scene) = Scene::enforcing("lastn", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let to = db.v4().unwrap();
    let _server = db.serve_udp(53).unwrap();
    web.connect_tcp(to, 5432).unwrap();
    for _ in 0..5 {
        api.send_udp(to, 53).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    let flows = shown(&scene, &["--last", "1", "--from", "web", "--to", "db"]);
    let [flow] = &flows[..] else {
        panic!("{flows:#?}")
    };
    assert_eq!(flow.source.name, "shop/web");
}

#[test]
fn followers_see_only_what_they_ask_for() {
    let Some(scene) = Scene::enforcing("only", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let to = db.v4().unwrap();
    let arguments = ["--follow", "--last", "0", "--from", "web", "--to", "db"];
    let mut follower = scene.follow("flows", &arguments);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    std::thread::sleep(Duration::from_millis(200));
    api.connect_tcp(to, 5434).unwrap();
    web.connect_tcp(to, 5432).unwrap();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("allowed shop/web"), "{line}");
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let Some(scene) = Scene::enforcing("badflt", &shop()) else {
        return;
    };
    for (arguments, said) in [
        (["--from", "shop/wbe"], "did you mean `shop/web`?"),
        (
            ["--to", "nobody-at-all"],
            "nobody here is called `nobody-at-all`",
        ),
        (["--from", "10.0.0.0/33"], "no address and no CIDR block"),
        (["--verdict", "fine"], "allowed, denied, rejected, audit"),
        (["--port", "http/80"], "expected `tcp`, `udp` or `sctp`"),
    ] {
        let output = scene.ask("flows", &arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let words = words_of(&output.stderr);
        assert!(words.contains(said), "{arguments:?}: {words}");
    }
}
