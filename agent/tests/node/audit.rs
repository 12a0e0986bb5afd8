//! An audited policy drops nothing and says what it would drop.

use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text},
};

/// db takes tcp 5432 from api, and would take nothing else from anybody.
fn audited() -> Vec<u8> {
    Package::new()
        .policy("strict", "db", &[Direction::Ingress])
        .audited()
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile()
}

#[test]
fn what_an_audited_policy_would_drop_arrives_and_is_reported() {
    let Some(scene) = Scene::enforcing("audit", &audited()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _server = db.serve_tcp(5432).unwrap();
    for address in [db.v4().unwrap(), db.v6().unwrap()] {
        for from in [api, web] {
            assert_eq!(from.connect_tcp(address, 5432).unwrap(), Outcome::Reached);
        }
    }
    let flows = scene.flows();
    let to_db = |from: &str| {
        let flows = flows.iter().filter(|flow| {
            flow.source.name.ends_with(from)
                && flow.direction == "ingress"
                && flow.verdict == "allowed"
        });
        flows.map(|flow| flow.audit.clone()).collect::<Vec<_>>()
    };
    assert_eq!(to_db("api"), [None, None]);
    let [Some(v4), Some(v6)] = &to_db("web")[..] else {
        panic!("{flows:#?}")
    };
    assert_eq!(
        (v4.kind.as_str(), v4.policy.as_deref()),
        ("isolation", Some("strict"))
    );
    assert_eq!(v4, v6);

    let shown = text(&scene.ask("flows", &[]).stdout);
    let line = "audit: would be dropped, isolated by `strict`";
    assert_eq!(shown.matches(line).count(), 2, "{shown}");
}
