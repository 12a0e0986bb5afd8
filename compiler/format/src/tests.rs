use polc_frontend::Database;
use proptest::prelude::*;

use super::*;

#[track_caller]
fn becomes(source: &str, expected: &str) {
    let formatted = format(source).unwrap();
    assert_eq!(formatted, expected);
    assert_eq!(format(&formatted).unwrap(), expected, "twice is once");
}

#[test]
fn blocks_are_broken_and_indented() {
    becomes(
        "package  shop\npolicy web for {app:\"web\"} {tier admin;priority 10\ningress {\nallow from world on tcp 80|tcp 8080..8090 }\n}\npolicy db for {} { ingress {} }\n",
        "package shop\npolicy web for { app: \"web\" } {\n  tier admin\n  priority 10\n  ingress {\n    allow from world on tcp 80 | tcp 8080..8090\n  }\n}\n\npolicy db for {} { ingress {} }\n",
    );
}

#[test]
fn neighbours_stand_in_columns() {
    becomes(
        "ports api = tcp 80\nports metrics = tcp 9100\n\ncidr a = 10.0.0.0/8-10.1.0.0/16|2001:db8::/32\n",
        "ports api     = tcp 80\nports metrics = tcp 9100\n\ncidr a = 10.0.0.0/8-10.1.0.0/16 | 2001:db8::/32\n",
    );
    becomes(
        "ingress {\nallow from web | cart on api\ndeny from { app in [\"on\"] }\n// why\nallow from x on y\n}\n",
        "ingress {\n  allow from web | cart on api\n  deny  from { app in [\"on\"] }\n  // why\n  allow from x          on y\n}\n",
    );
    becomes(
        "test \"t\" {\n  a->cart_1 tcp 80 is allowed\n  192.0.2.1   -> b icmp echo_request is denied by x // so\n}\n",
        "test \"t\" {\n  a         -> cart_1 tcp 80            is allowed\n  192.0.2.1 -> b      icmp echo_request is denied by x  // so\n}\n",
    );
    becomes(
        "labels {\n  app: string\n  tier :frontend|backend\n}\n",
        "labels {\n  app:  string\n  tier: frontend | backend\n}\n",
    );
}

#[test]
fn requests_of_rules_stand_in_a_column() {
    becomes(
        "ingress {\n  allow from web on web_ports only api\n  allow from office on tcp 80 only { GET /x }\n}\n",
        "ingress {\n  allow from web    on web_ports only api\n  allow from office on tcp 80    only { GET /x }\n}\n",
    );
}

#[test]
fn empty_lines_say_something() {
    becomes(
        "\n\n// head\n\n\n\npolicy a for {} {\n\n  ingress {}\n\n}\npolicy b for {} {}\n\n\n",
        "// head\n\npolicy a for {} {\n  ingress {}\n}\n\npolicy b for {} {}\n",
    );
}

#[test]
fn lines_that_go_on_stand_further_in() {
    becomes(
        "endpoints web = { app: \"web\" }\n| { app: \"cart\" } -\n{ canary }\n",
        "endpoints web = { app: \"web\" }\n  | { app: \"cart\" } -\n  { canary }\n",
    );
    becomes(
        "endpoints web = {\napp in [\"a\",\n\"b\"],\ntier: x }\n",
        "endpoints web = {\n  app in [\n    \"a\",\n    \"b\"\n  ],\n  tier: x\n}\n",
    );
}

#[test]
fn paths_and_calls_keep_their_shape() {
    becomes(
        "http api {\nGET /cart/{id: int} when host=\"a\"\nDELETE  /x/**\n}\n@allow( world_open )\napply service(\"a\",web , tcp 80)\n",
        "http api {\n  GET    /cart/{id: int} when host = \"a\"\n  DELETE /x/**\n}\n\n@allow(world_open)\napply service(\"a\", web, tcp 80)\n",
    );
}

#[test]
fn brackets_that_do_not_match_are_named() {
    assert_eq!(
        format("a {\n"),
        Err(Unbalanced {
            line: 1,
            bracket: '{'
        })
    );
    assert_eq!(
        format("a\n }\n"),
        Err(Unbalanced {
            line: 2,
            bracket: '}'
        })
    );
    assert_eq!(
        format("a (\n}\n"),
        Err(Unbalanced {
            line: 1,
            bracket: '('
        })
    );
}

/// What must never change: the tokens, apart from separators.
fn content(text: &str) -> Vec<String> {
    let tokens = lex::lex(text);
    let all = tokens
        .iter()
        .filter(|token| token.text != ";" || token.kind != TokenKind::Sign);
    all.map(|token| token.text.to_owned()).collect()
}

const SHOP: [&str; 5] = [
    include_str!("../../../policies/examples/shop/platform.pol"),
    include_str!("../../../policies/examples/shop/services.pol"),
    include_str!("../../../policies/examples/shop/shop.pol"),
    include_str!("../../../policies/examples/shop/tests.pol"),
    include_str!("../../../policies/examples/shop/web.pol"),
];

/// The Model of a package of one file, without the places in it, as text.
fn meaning(text: &str) -> String {
    let mut database = Database::default();
    database.set_file("a.pol", text);
    let mut model = database.analyze().model;
    for policy in &mut model.policies {
        policy.origin = Default::default();
    }
    for rule in &mut model.rules {
        rule.origin = Default::default();
    }
    for selector in &mut model.selectors {
        selector.text.clear();
    }
    for test in &mut model.tests {
        test.origin = Default::default();
        test.checks
            .iter_mut()
            .for_each(|check| check.origin = Default::default());
        test.endpoints
            .iter_mut()
            .for_each(|endpoint| endpoint.origin = Default::default());
    }
    format!("{model:?}")
}

#[test]
fn the_example_is_formatted() {
    for text in SHOP {
        assert_eq!(format(text).unwrap(), text);
    }
}

/// White space, or its absence, between the tokens of the example.
fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(" "), 1 => Just("   "), 1 => Just("\t"), 1 => Just("\n"), 1 => Just("\n\n\n")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_keeps_its_tokens(text in "[a-z{}()\\[\\]|&=\"/;:,.@! \n-]{0,80}") {
        if let Ok(formatted) = format(&text) {
            prop_assert_eq!(content(&formatted), content(&text));
            prop_assert_eq!(format(&formatted).unwrap(), formatted.clone());
        }
    }

    #[test]
    fn other_white_space_means_the_same(file in 0..SHOP.len(), gaps in prop::collection::vec(gap(), 40), at in any::<prop::sample::Index>()) {
        let source = SHOP[file];
        // Widen some gaps that are there, so that the text still means what it means or has the
        // same errors.
        let lines: Vec<&str> = source.lines().collect();
        let start = at.index(lines.len());
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let widened = match gaps.get(number.wrapping_sub(start)) {
                Some(gap) if !line.contains("//") && !line.contains('"') => line.replace(' ', gap),
                _ => (*line).to_owned(),
            };
            text.push_str(&widened);
            text.push('\n');
        }
        if let Ok(formatted) = format(&text) {
            prop_assert_eq!(content(&formatted), content(&text));
            prop_assert_eq!(format(&formatted).unwrap(), formatted.clone());
            prop_assert_eq!(meaning(&formatted), meaning(&text));
        }
    }
}
