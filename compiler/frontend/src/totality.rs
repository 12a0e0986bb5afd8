//! Analysis is total: whatever the text, there is a valid Model, and every place is in its file.

use polc_diagnostics::{Label, Place};
use polc_model::validate::validate;
use proptest::prelude::*;

use crate::Database;

/// Statements and pieces of them, right and wrong.
const PIECES: &[&str] = &[
    "package p\n",
    "labels { app: web | cart; tier: string }\n",
    "endpoints web = { app: \"web\" }",
    "endpoints web = cart - web\n",
    "endpoints cart = { app in [cart, cat], tier != x } in namespace \"n\"\n",
    "cidr office = 10.8.0.0/16 - 10.8.9.0/24 | 2001:db8::/32\n",
    "cidr web = 10.8.0.1/16\n",
    "ports api = tcp 80 | udp 1..2 | more\n",
    "ports more = icmp echo_request | icmp /0 | api\n",
    "policy a for web { tier admin; priority 3; audit; default allow\n",
    "policy b for {} {",
    "policy a for office | host {}\n",
    " ingress { ",
    " egress {\n",
    "}\n",
    "}",
    " allow from web | office - world on api\n",
    " deny to (cart & {!app}) on tcp 9..1\n",
    " pass from nobody on any; ",
    "test \"t\" {\n",
    " given w = endpoint { app: web } at 10.0.0.1 | fd00::1\n",
    " given c = endpoint { app: cart }\n",
    " w -> c tcp 80 is allowed by a\n",
    " 192.0.2.1 -> w icmp 8/0 is denied by b\n",
    " host -> host udp 1 is allowed\n",
    "host_access restricted\n",
    "\"",
    "(",
    "{",
    "[",
    "é",
    "\n",
    "// comment\n",
    "use x\n",
    "use std::dns\n",
    "use std::cloud::metadata\n",
    "dns far = \"api.example.com\" | \"*.example.org\"\n",
    "entity nodes = host | remote_node\n",
    "http calls { GET /a/{id: int} when id = \"7\"; get /b; * /** }\n",
    "service web { address 10.96.0.1; port tcp 80 -> 8080; backends { app: web } }\n",
    "service svc { port http: tcp 80",
    "template t(app: string, peers: endpoints, n: int, api: http) {\n",
    " policy \"{app}_in\" for { app: app } { ingress { allow from peers on tcp n only api } }\n",
    " service \"{app}_svc\" { address 10.96.0.2; port tcp 80; backends { app: app } }\n",
    " apply t(app, peers, n, api)\n",
    "apply t(\"cart\", web | far, 80, { GET /x })\n",
    "apply t(\"a b\", office, tcp 80)\n",
    "assert only { web | cart } can reach far on api\n",
    "assert world cannot reach nobody\n",
    " allow to far | dns::cluster | metadata on tcp 443 sni \"api.example.com\"\n",
    " allow to nodes { zone: \"a\" } on udp 53 dns \"*.example.com\" | \"**\"\n",
    " allow from web on tcp 80 only calls | { GET /m }\n",
    " reject to svc on udp 53 only calls\n",
    " w -> \"api.example.com\" tcp 443 GET /a/7 header \"x\" = \"y\" is allowed by cart_in\n",
    "@allow(unused_name)\n",
    "lint unused_name = deny\n",
    "/// doc\n",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_package_has_a_valid_model(one in text(), other in text()) {
        let mut database = Database::default();
        database.set_file("one.pol", one);
        database.set_file("other.pol", other);
        let analysis = database.analyze();
        prop_assert_eq!(validate(&analysis.model), Ok(()));
        for diagnostic in &analysis.diagnostics {
            let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary);
            let fix = diagnostic.fix.iter().map(|fix| &fix.place);
            for place in labels.map(|label: &Label| &label.place).chain(fix) {
                prop_assert!(is_in_file(&database, place), "{:?}", diagnostic);
            }
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(one in text(), other in text()) {
        let mut first = Database::default();
        first.set_file("one.pol", one.clone());
        first.set_file("other.pol", other.clone());
        let mut second = Database::default();
        second.set_file("other.pol", "package elsewhere\n");
        let _ = second.analyze();
        second.set_file("one.pol", one);
        let _ = second.analyze();
        second.set_file("other.pol", other);
        prop_assert_eq!(first.analyze(), second.analyze());
    }
}

fn is_in_file(database: &Database, place: &Place) -> bool {
    let range = place.range.start as usize..place.range.end as usize;
    database
        .text(&place.file)
        .is_some_and(|text| text.get(range).is_some())
}
