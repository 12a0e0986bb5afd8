//! What holds for every text: nothing but white space changes, twice is once, and the meaning stays.

use polc_frontend::Database;
use polc_model::Model;
use proptest::{prelude::*, sample::Index};

use super::*;

/// The policies of this repository.
const FILES: [&str; 10] = [
    include_str!("../../../policies/examples/shop/platform.pol"),
    include_str!("../../../policies/examples/shop/services.pol"),
    include_str!("../../../policies/examples/shop/shop.pol"),
    include_str!("../../../policies/examples/shop/tests.pol"),
    include_str!("../../../policies/examples/shop/web.pol"),
    include_str!("../../../policies/std/dns/dns.pol"),
    include_str!("../../../policies/std/kubernetes/kubernetes.pol"),
    include_str!("../../../policies/std/net/net.pol"),
    include_str!("../../../policies/std/ports/tests.pol"),
    LANGUAGE,
];

/// Something of everything else.
const LANGUAGE: &str = r#"package everything
use std::dns
lint unused_name = allow

http cart_api {
  GET  /api/cart/{id: int}
  POST /api/cart/{id: int}/items when header "content-type" = "application/json"
}

service cart_svc {
  address  10.96.0.20 | fd00:96::20
  port     http: tcp 80 -> 8080
  backends { app: "cart" }
  external node_port 30080, policy local
}

@allow(world_open)
policy cart for { app: "cart" } {
  ingress {
    allow from { app: "web" } on tcp 8080 only cart_api
    allow from 10.0.0.0/8     on tcp 9100 only { GET /metrics; GET /healthz }
  }
  egress {
    allow to "api.github.com"    on tcp 443 sni "api.github.com"
    allow to nodes { zone: "a" } on udp 53  dns "a.example.com" | "*.example.org"
    allow to dns::cluster
  }
}

template microservice(app: string, callers: endpoints, port: ports) {
  policy "{app}_ingress" for { app: app } {
    ingress { allow from callers on port }
  }
}

apply microservice("search", { app: "web" }, tcp 9000 | tcp 9001)

assert world cannot reach { tier: data }

test "requests" {
  given web  = endpoint { app: "web" }
  given cart = endpoint { app: "cart" }

  web -> cart tcp 8080 GET /api/cart/7    is allowed
  web -> cart tcp 8080 DELETE /api/cart/7 is denied by cart
}
"#;

/// Pieces that a text is spoilt with.
const PIECES: [&str; 33] = [
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
    ":",
    "::",
    ",",
    ";",
    "\n",
    "\n\n",
    " ",
    "//",
    "\"",
    "..",
    "/",
    "!",
    "\t",
    "from",
    "web-1",
    "10.0.0.0/8-10.1.0.0/16",
    "\r\n",
    "é",
    "\u{c}",
    "\u{a0}",
    "we:4700:",
];

#[test]
fn the_policies_of_this_repository_are_formatted() {
    for text in FILES {
        assert_eq!(format(text).unwrap(), text);
    }
}

#[test]
fn the_sample_of_the_language_has_a_meaning() {
    assert!(meaning(LANGUAGE).is_some());
}

/// Everything that a reader sees, apart from separators, which line breaks replace.
fn visible(text: &str) -> String {
    let is_visible = |c: &char| !lex::is_blank(*c) && *c != '\n' && *c != ';' && *c != '\u{feff}';
    text.chars().filter(is_visible).collect()
}

/// The tokens, apart from separators.
fn tokens(text: &str) -> Vec<&str> {
    let is_separator = |token: &Token<'_>| token.text == ";" && token.kind == TokenKind::Sign;
    lex::lex(text)
        .into_iter()
        .filter(|token| !is_separator(token))
        .map(|token| token.text)
        .collect()
}

/// What a package of one file means. `None` when there are errors, which may move.
fn meaning(text: &str) -> Option<Model> {
    let mut database = Database::default();
    database.set_file("a.pol", text);
    let analysis = database.analyze();
    if analysis.has_errors() {
        return None;
    }
    Some(analysis.model.without_sources())
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let Ok(formatted) = format(text) else {
        return Ok(());
    };
    prop_assert_eq!(visible(&formatted), visible(text));
    prop_assert_eq!(tokens(&formatted), tokens(text));
    prop_assert_eq!(format(&formatted), Ok(formatted.clone()));
    for line in formatted.lines() {
        prop_assert_eq!(line, line.trim_end_matches(lex::is_blank));
    }
    if let Some(before) = meaning(text) {
        prop_assert_eq!(meaning(&formatted), Some(before), "{}", formatted);
    }
    Ok(())
}

/// White space, or its absence, between the tokens of a file.
fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(" "), 1 => Just("   "), 1 => Just("\t"), 1 => Just("\n"), 1 => Just("\n\n\n"), 1 => Just("")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_holds(text in "[a-z{}()\\[\\]|&=\"/;:,.@! \n-]{0,80}") {
        holds(&text)?;
    }

    #[test]
    fn any_sequence_of_pieces_holds(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60),
        separator in prop::sample::select(&["", " "][..]),
    ) {
        holds(&pieces.join(separator))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn other_white_space_means_the_same(
        file in prop::sample::select(&FILES[..]),
        gaps in prop::collection::vec(gap(), 40),
        at in any::<Index>(),
    ) {
        let lines: Vec<&str> = file.lines().collect();
        let start = at.index(lines.len());
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            match number.checked_sub(start).and_then(|number| gaps.get(number)) {
                Some(gap) if !line.contains("//") && !line.contains('"') => {
                    text.push_str(&line.replace(' ', gap));
                }
                _ => text.push_str(line),
            }
            text.push('\n');
        }
        holds(&text)?;
    }

    #[test]
    fn a_spoilt_file_holds(
        file in prop::sample::select(&FILES[..]),
        places in prop::collection::vec((any::<Index>(), 0..12_usize), 1..4),
        piece in prop::sample::select(&PIECES[..]),
    ) {
        let mut characters: Vec<char> = file.chars().collect();
        for (place, length) in places {
            let start = place.index(characters.len());
            let end = (start + length).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        holds(&characters.into_iter().collect::<String>())?;
    }
}
