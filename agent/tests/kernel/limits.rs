//! Tables up to their limits, and beyond: what does not fit changes nothing.

use std::{fmt::Write as _, net::Ipv4Addr, path::Path};

use polc_abi::map::MAX_ADDRESSES;
use polc_agent::{
    Error,
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_model::Model;

/// An endpoint here and another node, with this many addresses together.
fn candidate(addresses: u32) -> Result<Candidate, Error> {
    let mut inventory = "node: { name: n }\nendpoints: [{ name: a, interface: veth-a, \
                         addresses: [10.0.0.2] }]\nremote_nodes:\n- name: far\n  addresses:\n"
        .to_owned();
    for number in 1..addresses {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(20, 0, 0, 0).to_bits() + number);
        writeln!(inventory, "  - {address}").unwrap();
    }
    let bundle = Bundle::compile(Model::default(), [])
        .unwrap()
        .encode()
        .unwrap();
    let source = Source::of_text(bundle, &inventory, Path::new("inventory.yaml")).unwrap();
    Candidate::new(
        source,
        &Trust::Anyone,
        Path::new("empty.polb"),
        Path::new("large.yaml"),
        MissingInterface::Refuse,
    )
}

#[test]
fn tables_are_filled_to_their_limits_and_not_beyond() {
    super::on_a_node("limits", &["veth-a"], |bpffs| {
        let pins = Pins::new(bpffs, "limits");
        let mut dataplane = Dataplane::open(pins, Mechanism::probe()).unwrap();
        let full = candidate(MAX_ADDRESSES).unwrap();
        dataplane.apply(&full, |_| Ok(())).unwrap();
        let in_force = dataplane.state();
        // Not `unwrap_err`, which would print all of the addresses.
        let refused = candidate(MAX_ADDRESSES + 1).err();
        assert!(matches!(refused, Some(Error::TooLarge(_))), "{refused:?}");
        assert_eq!(dataplane.state(), in_force);
        // The other side holds as much, and the one before is emptied again.
        dataplane.apply(&full, |_| Ok(())).unwrap();
        dataplane.apply(&full, |_| Ok(())).unwrap();
    });
}
