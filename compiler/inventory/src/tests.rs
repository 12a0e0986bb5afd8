use super::*;

const NODE: &str = "node: { name: node-1, addresses: [10.0.0.1], uplinks: [eth0] }\n";

fn message(endpoints: &str) -> String {
    Inventory::parse(&format!("{NODE}endpoints:\n{endpoints}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_whole_inventory_is_read() {
    let inventory = Inventory::parse(&format!(
        "{NODE}endpoints:\n\
         - {{ name: a, namespace: n, labels: {{ app: web }}, interface: veth-a, addresses: [10.0.0.2, \"fd00::2\"] }}\n\
         - {{ name: b, addresses: [10.0.1.2] }}\n\
         remote_nodes: [{{ name: node-2, addresses: [10.0.1.1] }}]\n"
    ))
    .unwrap();
    assert_eq!(inventory.endpoints[0].full_name(), "n/a");
    assert_eq!(inventory.endpoints[1].interface, None);
}

#[test]
fn a_misspelt_field_is_an_error_with_its_place() {
    let error =
        Inventory::parse("node: { name: n }\nendpoints:\n- name: a\n  adresses: [10.0.0.2]\n")
            .unwrap_err();
    assert!(error.message.contains("adresses"), "{error}");
    assert!(error.location.is_some());
}

#[test]
fn contradictions_name_both_sides() {
    assert_eq!(
        message("- { name: a, addresses: [10.0.0.1] }\n"),
        "`10.0.0.1` belongs to node `node-1` and to endpoint `a`"
    );
    assert_eq!(
        message("- { name: a, interface: eth0, addresses: [10.0.0.2] }\n"),
        "interface `eth0` belongs to an uplink of node `node-1` and to endpoint `a`"
    );
    assert_eq!(
        message("- { name: a, addresses: [10.0.0.2] }\n- { name: a, addresses: [10.0.0.3] }\n"),
        "endpoint `a` occurs twice"
    );
}

#[test]
fn unusable_addresses_and_interfaces_are_refused() {
    assert!(message("- { name: a, addresses: [] }\n").contains("has no address"));
    assert!(message("- { name: a, addresses: [\"::ffff:10.0.0.2\"] }\n").contains("cannot have"));
    assert!(message("- { name: a, addresses: [224.0.0.1] }\n").contains("cannot have"));
    let long = message("- { name: a, interface: a-very-long-name, addresses: [10.0.0.2] }\n");
    assert!(long.contains("1 to 15 characters"), "{long}");
}
