use polc_model::{Entity, LabelOperator, SelectorExpr};
use polc_testgen::Case;

use super::*;

fn label(key: &str, operator: LabelOperator) -> SelectorExpr {
    SelectorExpr::Label {
        key: key.to_owned(),
        operator,
    }
}

fn is(key: &str, values: &[&str]) -> SelectorExpr {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    label(key, LabelOperator::In(values))
}

fn is_not(key: &str, value: &str) -> SelectorExpr {
    label(key, LabelOperator::NotIn(vec![value.to_owned()]))
}

fn cidr(text: &str) -> SelectorExpr {
    SelectorExpr::Cidr(text.parse().unwrap())
}

fn both(one: SelectorExpr, other: SelectorExpr) -> SelectorExpr {
    SelectorExpr::AllOf(vec![one, other])
}

fn minus(one: SelectorExpr, other: SelectorExpr) -> SelectorExpr {
    SelectorExpr::Minus(Box::new(one), Box::new(other))
}

#[test]
fn labels_that_contradict_exclude_each_other() {
    assert_eq!(
        excludes(&is("app", &["web"]), &is("app", &["db"])),
        Answer::Yes
    );
    assert_eq!(
        excludes(&is("app", &["web", "db"]), &is("app", &["db"])),
        Answer::No
    );
    assert_eq!(
        excludes(&is("app", &["web"]), &is_not("app", "web")),
        Answer::Yes
    );
    assert_eq!(
        excludes(&is("app", &["web"]), &label("app", LabelOperator::Absent)),
        Answer::Yes
    );
    let world = SelectorExpr::Entity(Entity::World);
    assert_eq!(
        excludes(&is("app", &["web"]), &world),
        Answer::Yes,
        "world has no labels"
    );
}

#[test]
fn narrower_sets_imply_wider_ones() {
    assert_eq!(
        implies(&is("app", &["web"]), &is("app", &["web", "db"])),
        Answer::Yes
    );
    assert_eq!(
        implies(&is("app", &["web", "db"]), &is("app", &["web"])),
        Answer::No
    );
    assert_eq!(
        implies(&is("app", &["web"]), &is_not("app", "db")),
        Answer::Yes
    );
    assert_eq!(
        implies(&is_not("app", "db"), &is("app", &["web"])),
        Answer::No
    );
    assert_eq!(
        implies(&is("app", &["web"]), &label("app", LabelOperator::Exists)),
        Answer::Yes
    );
    assert_eq!(
        implies(&cidr("10.1.0.0/16"), &cidr("10.0.0.0/8")),
        Answer::Yes
    );
    assert_eq!(
        implies(&cidr("10.0.0.0/8"), &cidr("10.1.0.0/16")),
        Answer::No
    );
    assert_eq!(
        implies(&is("app", &["web"]), &cidr("10.0.0.0/8")),
        Answer::No
    );
    assert_eq!(
        implies(&cidr("10.0.0.0/8"), &SelectorExpr::Entity(Entity::World)),
        Answer::No
    );
}

#[test]
fn blocks_that_are_filled_by_smaller_ones_are_empty() {
    let halves = SelectorExpr::AnyOf(vec![cidr("10.0.0.0/9"), cidr("10.128.0.0/9")]);
    assert_eq!(
        is_empty(&minus(cidr("10.0.0.0/8"), halves.clone())),
        Answer::Yes
    );
    let hole = SelectorExpr::AnyOf(vec![cidr("10.0.0.0/9"), cidr("10.128.0.0/10")]);
    let left = satisfy(&minus(cidr("10.0.0.0/8"), hole)).unwrap().unwrap();
    assert_eq!(left.address, Some("10.192.0.0".parse().unwrap()));
    assert_eq!(
        is_empty(&both(cidr("10.0.0.0/8"), cidr("2001:db8::/32"))),
        Answer::Yes
    );
}

#[test]
fn witnesses_are_told_in_words() {
    let selector = both(
        is("app", &["web"]),
        minus(cidr("10.0.0.0/8"), cidr("10.0.0.0/9")),
    );
    let witness = satisfy(&selector).unwrap().unwrap();
    assert_eq!(
        witness.to_string(),
        "an endpoint { app: \"web\" } at 10.128.0.0"
    );
    let other = satisfy(&both(
        is_not("app", "web"),
        label("app", LabelOperator::Exists),
    ));
    assert_eq!(
        other.unwrap().unwrap().to_string(),
        "an endpoint { app: another value }"
    );
}

/// Whatever is claimed holds for every peer of random inventories, and witnesses do what they
/// promise.
#[test]
fn answers_hold_for_random_peers() {
    let mut answers = [0; 3];
    for seed in 0..60 {
        let mut case = Case::new(seed, &["veth-a", "veth-b", "veth-c"]);
        let probes: Vec<_> = (0..60).filter_map(|_| case.probe()).collect();
        let selectors: Vec<_> = case.model.selectors.iter().take(12).collect();
        for one in &selectors {
            if let Ok(Some(witness)) = satisfy(&one.expr) {
                assert!(
                    one.expr.matches(&witness.facts()),
                    "{witness} for {}",
                    one.text
                );
            }
            for other in &selectors {
                let implied = implies(&one.expr, &other.expr);
                let excluded = excludes(&one.expr, &other.expr);
                answers[implied as usize] += 1;
                for probe in &probes {
                    let facts = case.peer(probe.remote).facts;
                    let (first, second) = (one.expr.matches(&facts), other.expr.matches(&facts));
                    assert!(
                        implied != Answer::Yes || !first || second,
                        "{} {}",
                        one.text,
                        other.text
                    );
                    assert!(
                        excluded != Answer::Yes || !first || !second,
                        "{} {}",
                        one.text,
                        other.text
                    );
                }
            }
        }
    }
    let [yes, no, unknown] = answers;
    assert!(yes > 100 && no > 1_000, "{answers:?}");
    assert_eq!(unknown, 0, "the budget is enough for what people write");
}

#[test]
fn patterns_of_names_are_told_apart() {
    let patterns = [
        "**", "**.a", "*", "*.a", "a*", "*a", "a*b", "*.*", "a.a", "ab.a", "**.a.a",
    ];
    let names = [
        "a", "b", "ab", "aab", "a.a", "b.a", "ab.a", "a.b", "a.a.a", "b.a.a", "b.b.a",
    ];
    let dns = |pattern: &str| SelectorExpr::Dns(pattern.to_owned());
    let matches = polc_model::selector::dns_matches;
    for wide in patterns {
        for narrow in patterns {
            let rest = minus(dns(wide), dns(narrow));
            let witness = satisfy(&rest).unwrap();
            if let Some(witness) = &witness {
                assert!(
                    rest.matches(&witness.facts()),
                    "{wide} - {narrow}: {witness}"
                );
            }
            let is_left = names
                .iter()
                .any(|name| matches(wide, name) && !matches(narrow, name));
            assert!(!is_left || witness.is_some(), "{wide} - {narrow}");
        }
    }
}

#[test]
fn labels_of_nodes_are_of_nodes_only() {
    let in_zone = |values: &[&str]| SelectorExpr::NodeLabel {
        key: "zone".to_owned(),
        operator: LabelOperator::In(values.iter().map(|one| (*one).to_owned()).collect()),
    };
    let host = SelectorExpr::Entity(Entity::Host);
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    assert_eq!(excludes(&in_zone(&["a"]), &in_zone(&["b"])), Answer::Yes);
    assert_eq!(excludes(&in_zone(&["a"]), &host), Answer::No);
    assert_eq!(excludes(&in_zone(&["a"]), &endpoints), Answer::Yes);
    // A label of an endpoint of the same name is another one.
    let web = both(is("zone", &["b"]), endpoints);
    assert_eq!(satisfy(&both(in_zone(&["a"]), web)).unwrap(), None);
    let node = satisfy(&both(host, in_zone(&["a"]))).unwrap().unwrap();
    assert_eq!(node.to_string(), "the node { zone: \"a\" }");
}
