//! The style, by example.

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
        "ports api     = tcp 80\nports metrics = tcp 9100\n\ncidr a = 10.0.0.0/8 - 10.1.0.0/16 | 2001:db8::/32\n",
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
fn rules_have_columns_for_ports_and_for_what_is_said_in_them() {
    becomes(
        "ingress {\nallow from web on web_ports only cart_api\nallow from office on tcp 8080 only { GET /metrics }\ndeny from world\nallow from x on tcp 80 only {\nGET /y\n}\n}\n",
        "ingress {\n  allow from web    on web_ports only cart_api\n  allow from office on tcp 8080  only { GET /metrics }\n  deny  from world\n  allow from x      on tcp 80    only {\n    GET /y\n  }\n}\n",
    );
    becomes(
        "egress {\nallow to endpoints { app: \"redis\" } on redis\nallow to github on tcp 443 sni \"api.github.com\"\n}\n",
        "egress {\n  allow to endpoints { app: \"redis\" } on redis\n  allow to github                     on tcp 443 sni \"api.github.com\"\n}\n",
    );
}

#[test]
fn settings_of_a_service_have_columns() {
    becomes(
        "service cart {\naddress 10.96.0.20|fd00:96::20\nport http: tcp 80->8080\nexternal node_port 30080,policy local\n}\n",
        "service cart {\n  address  10.96.0.20 | fd00:96::20\n  port     http: tcp 80 -> 8080\n  external node_port 30080, policy local\n}\n",
    );
}

#[test]
fn a_dash_between_sets_stands_apart_and_one_in_a_word_does_not() {
    becomes(
        "policy a for { app: web-1, k8s-app: dns } {\ningress {\nallow from all-office\npass from office-10.8.1.0/24 on tcp 22\n}\n}\n",
        "policy a for { app: web-1, k8s-app: dns } {\n  ingress {\n    allow from all - office\n    pass  from office - 10.8.1.0/24 on tcp 22\n  }\n}\n",
    );
    becomes(
        "cidr a = fd00::/8-fd01::/16-fd02::1\nendpoints b = c-(d-e)\n",
        "cidr a = fd00::/8 - fd01::/16 - fd02::1\nendpoints b = c-(d-e)\n",
    );
}

#[test]
fn blocks_begin_on_the_line_of_their_head() {
    becomes(
        "policy a for { app: \"web\" }\n\n{\ningress\n{\nallow from world\n}\n}\npolicy b for {} // why\n{}\n",
        "policy a for { app: \"web\" } {\n  ingress {\n    allow from world\n  }\n}\n\npolicy b for {}  // why\n{}\n",
    );
}

#[test]
fn lines_that_are_too_long_go_on_in_the_next() {
    becomes(
        "cidr a = 2001:db8:0:1111::/64 | 2001:db8:0:2222::/64 | 2001:db8:0:3333::/64 | 2001:db8:0:4444::/64 | 2001:db8:0:5555::/64 // all\n",
        "cidr a = 2001:db8:0:1111::/64 | 2001:db8:0:2222::/64 | 2001:db8:0:3333::/64 | 2001:db8:0:4444::/64\n  | 2001:db8:0:5555::/64  // all\n",
    );
    becomes(
        "egress {\nallow to { app: \"a-long-name-of-an-application\" } | { app: \"another-name-of-an-application\" } | world on tcp 1 | tcp 2\n}\n",
        "egress {\n  allow to { app: \"a-long-name-of-an-application\" } | { app: \"another-name-of-an-application\" }\n    | world on tcp 1 | tcp 2\n}\n",
    );
}

#[test]
fn lines_that_the_language_ends_stay_long() {
    let given = "  given one = endpoint { app: \"a-long-name-of-an-application\" } in namespace \"production\" at 10.0.0.1 | fd00::1";
    becomes(
        &format!("test \"t\" {{\n{given}\n}}\n"),
        &format!("test \"t\" {{\n{given}\n}}\n"),
    );
    // The rest of the block would have to move with the end of the line.
    let head = format!(
        "  allow from {} on tcp 80 only {{",
        ["{ app: \"a-name\" }"; 8].join(" | ")
    );
    becomes(
        &format!("ingress {{\n{head}\n    GET /\n  }}\n}}\n"),
        &format!("ingress {{\n{head}\n    GET /\n  }}\n}}\n"),
    );
    let sni = "  allow to world on tcp 443 sni \"a.long.name.of.a.server.example\" | \"another.long.name.of.a.server.example\"";
    becomes(
        &format!("egress {{\n{sni}\n}}\n"),
        &format!("egress {{\n{sni}\n}}\n"),
    );
}

#[test]
fn a_comment_inside_a_statement_does_not_end_it() {
    becomes(
        "endpoints a = b |\n// why\nc\nendpoints d = e\n// why not\n| f\n",
        "endpoints a = b |\n  // why\n  c\nendpoints d = e\n// why not\n  | f\n",
    );
}

#[test]
fn long_files_are_formatted_in_reasonable_time() {
    let rules = "allow from web on tcp 80\n".repeat(20_000);
    let one_line = " | tcp 80".repeat(20_000);
    for text in [
        format!("ingress {{\n{rules}}}\n"),
        format!("ports a = tcp 1{one_line}\n"),
        format!("{}{}", "{ ".repeat(20_000), "}".repeat(20_000)),
    ] {
        let formatted = format(&text).unwrap();
        assert!(formatted.len() >= text.len() / 2);
    }
}

#[test]
fn separators_become_line_breaks_and_comments_stay_apart() {
    becomes(
        "a {\nb; // why\nc // what\n; // that\n\n; {\n}\n}\n",
        "a {\n  b  // why\n  c  // what\n  // that\n  {\n  }\n}\n",
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

#[test]
fn what_the_grammar_calls_text_stays() {
    // A form feed is no white space of the language: it is part of the path that a rule allows.
    let source = "http api {\n  GET /a\u{c}b\n}\n";
    becomes(source, source);
}

#[test]
fn a_colon_behind_colons_stands_alike_everywhere() {
    let formatted = format("we:4700:\n").unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted);
}
