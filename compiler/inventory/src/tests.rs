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
         - {{ name: c, init: true, addresses: [10.0.1.3] }}\n\
         remote_nodes: [{{ name: node-2, addresses: [10.0.1.1] }}]\n\
         addresses_of: {{ kube_apiserver: [10.0.1.1, 10.0.1.3, 192.0.2.1], health: [10.0.1.4] }}\n"
    ))
    .unwrap();
    let outside: Vec<IpAddr> = inventory.outside_apiservers().collect();
    assert_eq!(outside, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(
        inventory.facts(&inventory.endpoints[2], None).kind,
        PeerKind::Init
    );
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
fn only_an_api_server_may_be_at_the_address_of_another() {
    let with = |of: &str| {
        let text = format!(
            "{NODE}endpoints: [{{ name: a, addresses: [10.0.0.2] }}]\naddresses_of: {{ {of} }}\n"
        );
        Inventory::parse(&text).map_err(|error| error.to_string())
    };
    assert!(with("kube_apiserver: [10.0.0.1, 10.0.0.2], health: [10.0.0.3]").is_ok());
    assert_eq!(
        with("health: [10.0.0.2]").unwrap_err(),
        "`10.0.0.2` belongs to endpoint `a` and to `health`"
    );
    assert_eq!(
        with("ingress: [10.0.0.3], unmanaged: [10.0.0.3]").unwrap_err(),
        "`10.0.0.3` belongs to `ingress` and to `unmanaged`"
    );
    assert!(
        with("kube_apiservers: [10.0.0.3]")
            .unwrap_err()
            .contains("kube_apiservers")
    );
}

#[test]
fn ports_have_names() {
    let ports = |ports: &str| {
        Inventory::parse(&format!(
            "{NODE}endpoints: [{{ name: a, addresses: [10.0.0.2], ports: {ports} }}]"
        ))
    };
    let inventory = ports("{ http: tcp 8080, dns: udp 53, \"8-x\": sctp 65535 }").unwrap();
    let named = inventory.facts(&inventory.endpoints[0], None).ports;
    let dns = polc_model::NamedPort {
        protocol: polc_model::PortProtocol::Udp,
        port: 53,
    };
    assert_eq!((named.len(), named.get("dns")), (3, Some(&dns)));
    let written = serde_yaml::to_string(&inventory).unwrap();
    assert!(written.contains("http: tcp 8080"), "{written}");
    assert_eq!(Inventory::parse(&written).unwrap(), inventory);

    for (wrong, words) in [
        ("{ HTTP: tcp 8080 }", "`HTTP` is not the name of a port"),
        ("{ 80: tcp 8080 }", "`80` is not the name of a port"),
        ("{ http: 8080 }", "write `http: tcp 8080`"),
        ("{ http: tcp 0 }", "`tcp 0` is not a port"),
        ("{ http: tcp +80 }", "`tcp +80` is not a port"),
        ("{ http: tcp 65536 }", "`tcp 65536` is not a port"),
        ("{ ping: icmp 8 }", "`icmp 8` is not a port"),
        (
            "{ http: tcp 80, http: udp 80 }",
            "two ports are called `http`",
        ),
        ("[http]", "such as `{ http: tcp 8080 }`"),
    ] {
        let error = ports(wrong).unwrap_err();
        assert!(error.message.contains(words), "{wrong}: {error}");
        assert!(error.location.is_some(), "{wrong}");
    }
}

#[test]
fn labels_are_known_or_not() {
    assert_eq!(
        message("- { name: a, init: true, labels: { app: web }, addresses: [10.0.0.2] }\n"),
        "endpoint `a` is in `init` and has labels; once they are known, leave out `init`"
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

#[test]
fn what_is_new_is_checked_as_the_whole_would_be() {
    let part = |text: &str| Part::parse(text).unwrap();
    let first = part(
        "node: { name: n, addresses: [10.0.0.1], uplinks: [eth0] }\nendpoints:\n\
         - { name: a, namespace: s, interface: veth-a, addresses: [10.0.0.2] }\n\
         - { name: b, namespace: s, addresses: [10.0.0.3] }\n\
         remote_nodes: [{ name: m, addresses: [10.0.0.4] }]\naddresses_of: { health: [10.0.0.5] }\n",
    );
    let one = [("first", &first)];
    let before = Inventory::of_parts(one, &ThisNode::AsSaid).unwrap();
    for (new, fits) in [
        (
            "name: c, namespace: t, interface: veth-c, addresses: [10.0.0.6]",
            true,
        ),
        (
            "name: a, namespace: t, node: n, addresses: [10.0.0.6]",
            true,
        ),
        ("name: a, namespace: s, addresses: [10.0.0.6]", false),
        ("name: c, addresses: [10.0.0.1]", false),
        ("name: c, addresses: [10.0.0.2]", false),
        ("name: c, addresses: [10.0.0.4]", false),
        ("name: c, addresses: [10.0.0.5]", false),
        ("name: c, addresses: [10.0.0.6, 10.0.0.6]", false),
        ("name: c, addresses: []", false),
        ("name: c, interface: veth-a, addresses: [10.0.0.6]", false),
        ("name: c, interface: eth0, addresses: [10.0.0.6]", false),
        ("name: c, interface: 'a b', addresses: [10.0.0.6]", false),
    ] {
        let second = part(&format!("endpoints: [{{ {new} }}]"));
        let parts = || {
            [
                ("first", PartRef::Whole(&first)),
                ("second", PartRef::Whole(&second)),
            ]
        };
        let after = Inventory::after(Some(&before), parts(), &ThisNode::AsSaid);
        assert_eq!(after.is_ok(), fits, "{new}: {after:?}");
        assert_eq!(
            after,
            Inventory::after(None, parts(), &ThisNode::AsSaid),
            "{new}"
        );
    }
}
