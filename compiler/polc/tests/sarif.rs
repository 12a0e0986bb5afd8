//! `--format sarif` writes what the 2.1.0 schema demands, by the schema file itself. The file comes
//! with the crate whose types are made of it; Cargo says where it lies.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::{path::Path, process::Command};

use serde_json::Value;
use support::Files;

fn schema() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        // Packages of other platforms were never downloaded.
        .args(["--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sarif = packages
        .iter()
        .find(|package| package["name"] == "serde-sarif");
    let manifest = Path::new(sarif.unwrap()["manifest_path"].as_str().unwrap());
    let schema = std::fs::read(manifest.with_file_name("src/schema.json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&schema).unwrap();
    // The published schema has a bracket too many in two places, which makes no regular expression
    // to a validator that looks: say what is meant.
    for owner in ["run", "toolComponent"] {
        let pattern = &mut schema["definitions"][owner]["properties"]["language"]["pattern"];
        assert_eq!(*pattern, "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        *pattern = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    schema
}

#[test]
fn every_log_is_valid_by_the_schema() {
    let schema = schema();
    assert!(
        schema["$id"]
            .as_str()
            .unwrap()
            .ends_with("sarif-schema-2.1.0.json")
    );
    let validator = jsonschema::validator_for(&schema).unwrap();
    let log = |source: &str| -> Value {
        let files = Files::new([("shop/web.pol", source)]);
        let run = files.polc(&["check", "--format", "sarif", "shop"]);
        serde_json::from_str(&run.out).unwrap()
    };
    let fine = "policy a for all { egress { allow to 10.0.0.0/8 } }\n";
    // Several errors, labels in other places, lints, help, and fixes.
    let findings = "policy open for { app: \"web\" } { egress { allow to 10.0.0.1/8 } }\n\
                    policy open for webb { ingress { allow from wrold on tcp 80 } }\n\
                    endpoints web = { app: \"web\" }\n ports p = tcp 80..\n policy } \u{1f980}\n";
    for source in [fine, findings, ""] {
        let log = log(source);
        let wrong: Vec<String> = validator
            .iter_errors(&log)
            .map(|one| one.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{log:#}");
    }
    assert!(
        log(findings)["runs"][0]["results"]
            .as_array()
            .unwrap()
            .len()
            > 3
    );

    // The schema does refuse.
    let mut broken = log(findings);
    broken["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&broken));
}
