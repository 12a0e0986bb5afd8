//! Names of ICMP types, as the registries of both protocols list them.

use polc_model::IcmpFamily;

const V4: [(&str, u8); 11] = [
    ("echo_reply", 0),
    ("destination_unreachable", 3),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("router_advertisement", 9),
    ("router_solicitation", 10),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
    ("timestamp_request", 13),
    ("timestamp_reply", 14),
];

const V6: [(&str, u8); 14] = [
    ("destination_unreachable", 1),
    ("packet_too_big", 2),
    ("time_exceeded", 3),
    ("parameter_problem", 4),
    ("echo_request", 128),
    ("echo_reply", 129),
    ("listener_query", 130),
    ("listener_report", 131),
    ("listener_done", 132),
    ("router_solicitation", 133),
    ("router_advertisement", 134),
    ("neighbor_solicitation", 135),
    ("neighbor_advertisement", 136),
    ("redirect", 137),
];

const fn table(family: IcmpFamily) -> &'static [(&'static str, u8)] {
    match family {
        IcmpFamily::V4 => &V4,
        IcmpFamily::V6 => &V6,
    }
}

/// The type of this name.
pub(super) fn number(family: IcmpFamily, name: &str) -> Option<u8> {
    table(family)
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

/// The names of a family's types.
pub(super) fn names(family: IcmpFamily) -> impl Iterator<Item = &'static str> {
    table(family).iter().map(|(name, _)| *name)
}

/// The other one.
pub(super) const fn other(family: IcmpFamily) -> IcmpFamily {
    match family {
        IcmpFamily::V4 => IcmpFamily::V6,
        IcmpFamily::V6 => IcmpFamily::V4,
    }
}
