//! Parsing is total: every text has a tree, and every place of it is in the text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

use polc_syntax::{Parse, ast::Item, parse};
use proptest::prelude::*;

/// Words and signs that bring the grammar into every corner.
const PIECES: &[&str] = &[
    "package",
    "labels",
    "endpoints",
    "cidr",
    "ports",
    "policy",
    "test",
    "host_access",
    "use",
    "dns",
    "http",
    "service",
    "template",
    "apply",
    "assert",
    "entity",
    "lint",
    "@",
    "only",
    "sni",
    "when",
    "and",
    "header",
    "host",
    "query",
    "GET",
    "*",
    "/a/{id: int}/**",
    "~",
    "address",
    "port",
    "backends",
    "balance",
    "affinity",
    "external",
    "node_port",
    "3h",
    "can",
    "cannot",
    "reach",
    "warn",
    "std::dns",
    "string",
    "for",
    "on",
    "in",
    "not",
    "namespace",
    "tier",
    "priority",
    "audit",
    "default",
    "allow",
    "deny",
    "pass",
    "reject",
    "from",
    "to",
    "ingress",
    "egress",
    "given",
    "endpoint",
    "at",
    "is",
    "by",
    "allowed",
    "denied",
    "any",
    "protocol",
    "tcp",
    "udp",
    "icmp",
    "icmpv6",
    "web",
    "x-y",
    "\"shop\"",
    "\"",
    "{",
    "}",
    "{}",
    "(",
    ")",
    "[",
    "]",
    "|",
    "&",
    "-",
    "->",
    "=",
    "!=",
    "!",
    ":",
    ",",
    ";",
    "\n",
    " ",
    "//",
    "::",
    "..",
    "/",
    "80",
    "10.0.0.0/8",
    "2001:db8::/32",
    "é",
    "\r",
    "\t",
    "\u{feff}",
    "99999999999999999999",
];

fn check(text: &str) -> Parse {
    let parsed = parse(text);
    for error in &parsed.errors {
        let spans = [
            Some(error.span),
            error.related.as_ref().map(|(span, _)| *span),
            error.fix.as_ref().map(|(span, _)| *span),
        ];
        for span in spans.into_iter().flatten() {
            assert!(text.get(span.range()).is_some(), "{error:?} in {text:?}");
        }
    }
    // Debug output walks the whole tree; its spans are checked by what it prints.
    let printed = format!("{:?}", parsed.file);
    for part in printed.split("Span { start: ").skip(1) {
        let numbers: Vec<usize> = part
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .take(2)
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(
            text.get(numbers[0]..numbers[1]).is_some(),
            "{part} in {text:?}"
        );
    }
    parsed
}

proptest! {
    #[test]
    fn any_text_parses(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_sequence_of_pieces_parses(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..80),
        separator in prop::sample::select(&["", " "][..]),
    ) {
        check(&pieces.join(separator));
    }

    #[test]
    fn every_prefix_of_a_file_parses(length in 0..SAMPLE.len()) {
        if let Some(prefix) = SAMPLE.get(..length) {
            check(prefix);
        }
    }

    #[test]
    fn a_file_with_a_hole_keeps_its_last_item(start in 0..HOLES, length in 1..40_usize) {
        let end = (start + length).min(HOLES);
        if let (Some(before), Some(after)) = (SAMPLE.get(..start), SAMPLE.get(end..)) {
            let parsed = check(&format!("{before}{after}"));
            let last = parsed.file.items.last();
            prop_assert!(
                matches!(last, Some(Item::Policy(policy)) if policy.name.text == "last"),
                "{before}{after}\n{parsed:#?}"
            );
        }
    }
}

const SAMPLE: &str = r#"package shop
labels { app: string; tier: frontend | backend }
endpoints web = { app: "web", tier in [frontend] } in namespace "shop"
cidr office = 10.8.0.0/16 - 10.8.9.0/24 | (2001:db8::/48)
ports api = tcp 80..90 | icmp 3/4 | icmpv6 echo_request | protocol 47
policy first for web { tier admin; priority 3; audit
  ingress {
    allow from office | { !app } on api
    deny from world
  }
}
test "t" {
  given web_1 = endpoint { app: "web" } at 10.0.0.1 | fd00::1
  192.0.2.1 -> web_1 tcp 80 GET /a header "x" = "y" is denied by first
}
use std::dns
dns github = "api.github.com" | "*.github.com"
http api { GET /a/{id: int} when header "x" = "y" and host ~ "z"; * /b/** }
service svc {
  address 10.96.0.1 | fd00:96::1
  port http: tcp 80 -> 8080
  backends web
  affinity client_ip for 3h
  external node_port 30080, policy local
}
template t(app: string, on_ports: ports) {
  policy "{app}_in" for { app: app } { ingress { allow from web on on_ports only api | { GET /m } } }
}
apply t("a_name_of_some_length", tcp 9000 | tcp 9001 | tcp 9002)
assert only { web | office } can reach web on tcp 80

policy last for web {
  egress { allow to office on any }
}
"#;

/// Holes end before the last policy.
const HOLES: usize = 1100;

#[test]
fn the_sample_has_no_errors_and_holes_stay_before_its_last_policy() {
    assert_eq!(check(SAMPLE).errors, []);
    let last = SAMPLE.find("\npolicy last").unwrap();
    assert_eq!(last, HOLES);
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for open in [
        "(",
        "{",
        "[",
        "!",
        "{ a in [",
        "policy x for {",
        "apply x(",
        "template x(a: b) {",
        "http x {",
    ] {
        let text = format!("endpoints x = {}", open.repeat(10_000));
        assert!(!check_errors(&text).is_empty(), "{open}");
    }
}

fn check_errors(text: &str) -> Vec<polc_syntax::SyntaxError> {
    parse(text).errors
}

#[test]
fn long_files_are_parsed_in_reasonable_time() {
    let rule = "    allow from web | { app: \"x\" } - 10.0.0.0/8 on tcp 80 | udp 53\n";
    let text = format!(
        "policy p for web {{ ingress {{\n{} }} }}",
        rule.repeat(10_000)
    );
    let parsed = parse(&text);
    assert_eq!(parsed.errors, []);
    let Some(Item::Policy(policy)) = parsed.file.items.first() else {
        panic!("{:?}", parsed.file.items.first());
    };
    assert_eq!(policy.blocks[0].rules.len(), 10_000);
}

#[test]
fn reserved_words_are_never_names() {
    for word in polc_syntax::RESERVED {
        let text = format!("endpoints x = {word}");
        assert!(!parse(&text).errors.is_empty(), "{word}");
    }
    for word in polc_syntax::PORT_WORDS {
        let printed = format!("{:?}", parse(&format!("ports x = {word}")).file);
        assert!(
            !printed.contains("value: Some(L4Expr { terms: [Name("),
            "{printed}"
        );
    }
}
