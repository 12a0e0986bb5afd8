//! What comes out is a valid Model, whose meaning does not depend on the order of files.

use polc_model::{Entity, Isolation, SelectorExpr, Tier, validate::validate};

use crate::{Analysis, Database};

fn analyze(files: &[(&str, &str)]) -> Analysis {
    let mut database = Database::default();
    for (path, text) in files {
        database.set_file(path, *text);
    }
    database.analyze()
}

#[test]
fn nothing_means_nothing() {
    assert_eq!(analyze(&[]), Analysis::default());
}

#[test]
fn files_policies_and_rules_are_in_the_promised_order() {
    let analysis = analyze(&[
        (
            "b.pol",
            "policy b for all { egress { allow to world; deny to all } }",
        ),
        (
            "a.pol",
            "package p\npolicy c for all { ingress {} }\npolicy a for all { ingress { allow from all } }",
        ),
    ]);
    assert_eq!(analysis.diagnostics, []);
    let model = analysis.model;
    validate(&model).unwrap();
    assert_eq!(model.files, ["a.pol", "b.pol"]);
    let names: Vec<&str> = model
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let lines: Vec<&str> = model
        .rules
        .iter()
        .map(|rule| rule.origin.text.as_str())
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("policy b"), "{lines:?}");
}

#[test]
fn equal_selectors_are_one() {
    let analysis = analyze(&[(
        "a.pol",
        "package p\nendpoints web = { app: \"web\" }\npolicy a for web { ingress { allow from web | web; allow from { app in [web] } } }",
    )]);
    assert_eq!(analysis.diagnostics, []);
    assert_eq!(analysis.model.selectors.len(), 1);
    assert_eq!(analysis.model.selectors[0].text, "web");
}

#[test]
fn only_the_normal_tier_isolates() {
    let analysis = analyze(&[(
        "a.pol",
        "package p
policy a for all { tier admin; ingress {} }
policy b for all { ingress {} }
policy c for all { default allow; ingress {} }
policy d for all { tier baseline; ingress {}; egress {} }",
    )]);
    assert_eq!(analysis.diagnostics, []);
    let found: Vec<_> = analysis
        .model
        .policies
        .iter()
        .map(|policy| (policy.tier, policy.ingress, policy.egress))
        .collect();
    let allow = Some(Isolation::DefaultAllow);
    assert_eq!(
        found,
        [
            (Tier::Admin, allow, None),
            (Tier::Normal, Some(Isolation::Isolates), None),
            (Tier::Normal, allow, None),
            (Tier::Baseline, allow, allow),
        ]
    );
    validate(&analysis.model).unwrap();
}

fn subject(expr: &str) -> SelectorExpr {
    let text = format!("package p\npolicy a for {expr} {{ ingress {{}} }}");
    let analysis = analyze(&[("a.pol", &text)]);
    assert_eq!(analysis.diagnostics, [], "{expr}");
    analysis.model.selectors[0].expr.clone()
}

#[test]
fn union_binds_least_and_the_others_go_from_left_to_right() {
    assert_eq!(subject("{a} | {b} & {c}"), subject("{a} | ({b} & {c})"));
    assert_eq!(subject("{a} - {b} | {c}"), subject("({a} - {b}) | {c}"));
    assert_eq!(subject("{a} - {b} & {c}"), subject("({a} & {c}) - {b}"));
    assert_eq!(subject("{a} - {b} - {c}"), subject("{a} - ({b} | {c})"));
    assert_ne!(subject("{a} - ({b} & {c})"), subject("{a} - {b} & {c}"));
}

#[test]
fn an_empty_label_set_is_every_endpoint() {
    let every = SelectorExpr::Entity(Entity::Endpoints);
    assert_eq!(subject("{}"), every);
    assert_eq!(subject("endpoints {}"), every);
    let shop = SelectorExpr::Namespace("shop".to_owned());
    assert_eq!(subject("{} in namespace \"shop\""), shop);
}

#[test]
fn a_broken_file_leaves_the_rest_of_the_model() {
    let analysis = analyze(&[
        ("a.pol", "package p\npolicy a for { ingress { allow"),
        (
            "b.pol",
            "policy b for all { ingress { allow from world on tcp 80 } }",
        ),
    ]);
    assert!(analysis.has_errors());
    assert_eq!(analysis.model.policies.len(), 2);
    let whole = analysis.model.rules.last().unwrap();
    assert_eq!(whole.l4.to_string(), "tcp 80");
    validate(&analysis.model).unwrap();
}

#[test]
fn definitions_that_grow_without_bound_are_refused() {
    let mut text = String::from("package p\nendpoints e0 = { app: \"x\" }\n");
    for level in 1..60 {
        let below = level - 1;
        text.push_str(&format!(
            "endpoints e{level} = (e{below} - {{ l{level} }}) | (e{below} - {{ r{level} }})\n"
        ));
    }
    let analysis = analyze(&[("a.pol", &text)]);
    let codes: Vec<String> = analysis
        .diagnostics
        .iter()
        .map(|one| one.code.to_string())
        .collect();
    assert_eq!(codes, ["P0004"]);
}

#[test]
fn an_expression_deeper_than_a_model_holds_is_refused() {
    let deep = (0..30).fold("{}".to_owned(), |inner, level| {
        format!("{{ a{level} }} | ({{}} - ({inner}))")
    });
    let text = format!("package p\npolicy a for all {{ ingress {{ allow from {deep} }} }}");
    let analysis = analyze(&[("a.pol", &text)]);
    let codes: Vec<String> = analysis
        .diagnostics
        .iter()
        .map(|one| one.code.to_string())
        .collect();
    assert_eq!(codes, ["P0004"]);
}

#[test]
fn a_long_chain_of_definitions_is_refused() {
    let mut text = String::from("package p\n");
    for level in 0..1000 {
        text.push_str(&format!(
            "endpoints e{level} = e{} - {{ x{level} }}\n",
            level + 1
        ));
    }
    text.push_str("endpoints e1000 = {}\n");
    let analysis = analyze(&[("a.pol", &text)]);
    let codes: Vec<String> = analysis
        .diagnostics
        .iter()
        .map(|one| one.code.to_string())
        .collect();
    assert!(
        !codes.is_empty() && codes.iter().all(|code| code == "P0004"),
        "{codes:?}"
    );
}
