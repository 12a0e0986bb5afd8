//! The example that the demo runs: its tests are about the workloads of its inventory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use polc_frontend::Database;
use polc_inventory::Inventory;
use polc_model::{Party, validate::validate};

fn shop() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/examples/shop")
}

fn analysis() -> polc_frontend::Analysis {
    let mut database = Database::default();
    for entry in fs::read_dir(shop()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pol") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            database.set_file(&name, fs::read_to_string(&path).unwrap());
        }
    }
    database.analyze()
}

#[test]
fn it_is_a_valid_model_without_findings() {
    let analysis = analysis();
    assert_eq!(analysis.diagnostics, []);
    validate(&analysis.model).unwrap();
}

#[test]
fn every_given_is_a_workload_of_the_inventory() {
    let inventory = fs::read_to_string(shop().join("inventory.yaml")).unwrap();
    let inventory = Inventory::parse(&inventory).unwrap();
    let mut given = BTreeMap::new();
    for test in &analysis().model.tests {
        for endpoint in &test.endpoints {
            let name = endpoint.name.replace('_', "-");
            let found: Vec<_> = inventory
                .endpoints
                .iter()
                .filter(|workload| workload.name == name)
                .collect();
            let [workload] = found[..] else {
                panic!(
                    "`{}` of `{}`: {} workloads",
                    endpoint.name,
                    test.name,
                    found.len()
                );
            };
            assert_eq!(*workload.labels, endpoint.labels, "{name}");
            assert_eq!(workload.namespace, endpoint.namespace, "{name}");
            assert_eq!(workload.addresses, endpoint.addresses, "{name}");
            if !endpoint.ports.is_empty() {
                assert_eq!(workload.ports, endpoint.ports, "{name}");
            }
            given.insert(name, ());
        }
    }
    for workload in &inventory.endpoints {
        assert!(
            given.contains_key(&workload.name),
            "`{}` is in no test",
            workload.name
        );
        let interface = workload.interface.as_deref().unwrap_or_default();
        assert!(interface.len() <= 15, "{interface}");
    }
}

#[test]
fn outside_addresses_are_for_documentation() {
    let outside = [
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "10.8.0.0/16",
    ]
    .map(|block| block.parse::<ipnet::IpNet>().unwrap());
    let mut number = 0;
    for test in &analysis().model.tests {
        for check in &test.checks {
            for party in [check.source, check.destination] {
                if let Party::Address(address) = party {
                    number += 1;
                    assert!(
                        outside.iter().any(|block| block.contains(&address)),
                        "{address}"
                    );
                }
            }
        }
    }
    assert!(number > 0);
}
