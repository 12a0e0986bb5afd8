//! `polc build` and `polc inspect`: what is written, what is shown, what is refused.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod support;

use std::fs;

use support::{Files, SMALL_PACKAGE as WEB, snapshot};

fn shown(name: &str, files: &Files, arguments: &[&str]) -> i32 {
    let run = files.polc(arguments);
    snapshot("cli", name, &run.shown(arguments));
    run.code
}

#[test]
fn the_same_package_gives_the_same_bytes() {
    let files = Files::new([("shop/web.pol", WEB)]);
    assert_eq!(
        shown("build_fine", &files, &["build", "shop", "-o", "one.polb"]),
        0
    );
    assert_eq!(files.polc(&["build", "shop", "-o", "two.polb"]).code, 0);
    let read = |name: &str| fs::read(files.path().join(name)).unwrap();
    assert_eq!(read("one.polb"), read("two.polb"));
}

#[test]
fn the_programs_are_shown_with_their_source() {
    let files = Files::new([("shop/web.pol", WEB)]);
    assert_eq!(files.polc(&["build", "shop"]).code, 0);
    assert_eq!(shown("inspect", &files, &["inspect", "shop.polb"]), 0);
    // A package is shown as what it would compile to.
    assert_eq!(
        shown("inspect_disasm", &files, &["inspect", "--disasm", "shop"]),
        0
    );
    let json = files.polc(&["inspect", "--format", "json", "shop.polb"]);
    let views: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(views[0]["rules"], 3);
}

#[test]
fn a_plan_says_what_is_asked_port_by_port() {
    let audited = "policy strict for { app: \"web\" } { audit\n  ingress { reject from world on tcp 22 | icmp }\n}\n\
                   policy ops for all { tier admin\n  ingress { pass from { team: \"x\" } on tcp 443\n deny from { team: \"y\" } }\n}\n\
                   test \"t\" { given w = endpoint { app: \"web\" }\n 192.0.2.1 -> w tcp 443 is allowed }\n";
    let files = Files::new([("shop/web.pol", WEB), ("shop/audit.pol", audited)]);
    assert_eq!(
        shown("inspect_plan", &files, &["inspect", "shop", "--plan"]),
        0
    );

    let json = files.polc(&["inspect", "--format", "json", "--plan", "shop"]);
    let views: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let classes = views[0]["plan"].as_array().unwrap();
    let class = classes
        .iter()
        .find(|class| class["class"] == "ingress of ops, strict, web");
    let leaves = class.unwrap()["audited"]["leaves"].as_array().unwrap();
    assert!(
        leaves.iter().any(|leaf| leaf["keys"][1] == "tcp 22"),
        "{leaves:?}"
    );

    let dot = files.polc(&["inspect", "shop", "--plan=dot"]).out;
    assert!(
        dot.starts_with("digraph plan {") && dot.contains("tcp 443"),
        "{dot}"
    );
    let svg = files.polc(&["inspect", "shop", "--plan=svg"]).out;
    assert!(svg.contains("<svg") && svg.contains("tcp 443"), "{svg}");
}

#[test]
fn an_inventory_says_which_classes_are_needed() {
    let inventory = "node: { name: n }\nendpoints: [{ name: w, labels: { app: web, tier: x }, addresses: [10.0.0.2] }]\n";
    let both = "policy all for all { egress {} }\npolicy x for { tier: \"x\" } { egress {} }\n";
    let files = Files::new([
        ("shop/web.pol", WEB),
        ("shop/b.pol", both),
        ("inventory.yaml", inventory),
    ]);
    let programs = |arguments: &[&str]| {
        assert_eq!(files.polc(arguments).code, 0);
        let json = files.polc(&["inspect", "--format", "json", "shop.polb"]);
        let views: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        views[0]["programs"].as_array().unwrap().len()
    };
    let without = programs(&["build", "shop"]);
    let with = programs(&["build", "shop", "--inventory", "inventory.yaml"]);
    assert_eq!(with, without + 1, "egress of `all` and `x` together");
}

#[test]
fn a_package_with_findings_is_not_built() {
    let files = Files::new([(
        "shop/web.pol",
        "package shop\npolicy web for wbe { ingress {} }\n",
    )]);
    assert_eq!(shown("build_findings", &files, &["build", "shop"]), 1);
    assert!(!files.path().join("shop.polb").exists());
}

#[test]
fn what_has_no_back_end_yet_is_named() {
    let source = "package shop\npolicy web for { app: \"web\" } {\n  ingress { allow from world on tcp 80 only { GET / } }\n}\n";
    let files = Files::new([("shop/web.pol", source)]);
    assert_eq!(shown("build_unsupported", &files, &["build", "shop"]), 1);
    assert_eq!(files.polc(&["check", "shop"]).code, 0);
}

#[test]
fn a_build_that_cannot_run_leaves_what_was_there() {
    let files = Files::new([
        ("one/web.pol", WEB),
        ("two/web.pol", WEB),
        ("shop.polb", "old"),
        (
            "bad.yaml",
            "node: { name: n }\nendpoints:\n- name: a\n  adresses: [10.0.0.2]\n",
        ),
    ]);
    assert_eq!(shown("build_several", &files, &["build", "."]), 2);
    let inventory = ["build", "one", "--inventory", "bad.yaml"];
    assert_eq!(shown("build_bad_inventory", &files, &inventory), 2);
    let nowhere = ["build", "one", "-o", "missing/shop.polb"];
    assert_eq!(shown("build_nowhere", &files, &nowhere), 2);
    assert_eq!(fs::read(files.path().join("shop.polb")).unwrap(), b"old");
}

#[test]
fn damaged_bundles_are_refused() {
    let files = Files::new([("shop/web.pol", WEB), ("text.polb", "hello")]);
    assert_eq!(files.polc(&["build", "shop"]).code, 0);
    let mut bytes = fs::read(files.path().join("shop.polb")).unwrap();
    fs::write(files.path().join("half.polb"), &bytes[..bytes.len() / 2]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(files.path().join("flipped.polb"), &bytes).unwrap();
    let arguments = [
        "inspect",
        "half.polb",
        "flipped.polb",
        "text.polb",
        "missing.polb",
    ];
    assert_eq!(shown("inspect_damaged", &files, &arguments), 2);
}

/// Each construct without a back end, and how a source says it.
const UNSUPPORTED: &[(&str, &str)] = &[
    (
        "dns",
        "policy p for {} { egress { allow to \"api.example.com\" } }\n",
    ),
    (
        "only",
        "policy p for {} { ingress { allow from world on tcp 80 only { GET /a } } }\n",
    ),
    (
        "sni",
        "policy p for {} { egress { allow to world on tcp 443 sni \"api.example.com\" } }\n",
    ),
    (
        "service",
        "service p { address 10.96.0.1; port tcp 80; backends { app: \"a\" } }\n",
    ),
];

#[test]
fn a_policy_asks_for_so_many_named_ports_and_not_more() {
    let source = |count: usize| {
        let rule = |number| format!("    allow from world on tcp \"p-{number}\"\n");
        let rules: String = (0..count).map(rule).collect();
        format!(
            "package shop\n\npolicy web for {{ app: \"web\" }} {{\n  ingress {{\n{rules}  }}\n}}\n"
        )
    };
    let (most, more) = (source(64), source(65));
    let files = Files::new([
        ("most/web.pol", most.as_str()),
        ("more/web.pol", more.as_str()),
    ]);
    let build = files.polc(&["build", "most"]);
    assert_eq!(build.code, 0, "{}", build.out);
    assert_eq!(
        shown("build_names", &files, &["build", "more", "-o", "out.polb"]),
        1
    );
    assert!(!files.path().join("out.polb").exists());
}

#[test]
fn what_has_no_back_end_is_named_at_its_line_and_not_built() {
    for (construct, source) in UNSUPPORTED {
        let text = format!("package shop\n\n{source}");
        let files = Files::new([("shop.pol", text.as_str())]);
        let check = files.polc(&["check", "."]);
        assert_eq!(check.code, 0, "{construct}: {}", check.out);
        let build = files.polc(&["build", "--format", "plain", "-o", "out.polb", "."]);
        assert_eq!(build.code, 1, "{construct}: {}", build.out);
        let expected = format!("error[P0003]: `{construct}` cannot be enforced yet");
        assert!(build.out.starts_with("shop.pol:3:"), "{}", build.out);
        assert!(build.out.contains(&expected), "{}", build.out);
        assert!(!files.path().join("out.polb").exists(), "{construct}");
        let human = files.polc(&["build", "-o", "out.polb", "."]).out;
        let item = if *construct == "service" {
            "the service `p` uses it"
        } else {
            "the policy `p` uses it"
        };
        assert!(human.contains(item), "{human}");
    }
}
