//! `icmps`: ICMP messages by type.

use polc_diagnostics::Code;
use polc_model::{IcmpFamily, L4Match, L4Term};

use super::to_ports::On;
use crate::{
    labels::one_of,
    located::{Node, Scalar},
    network_policy::ports::integer,
    reader::{Fields, list, text, wrong_type},
    report::Report,
};

/// The most items of `fields`.
const MAX_FIELDS: usize = 40;

const V4: [(&str, u8); 14] = [
    ("EchoReply", 0),
    ("DestinationUnreachable", 3),
    ("Redirect", 5),
    ("Echo", 8),
    ("EchoRequest", 8),
    ("RouterAdvertisement", 9),
    ("RouterSelection", 10),
    ("TimeExceeded", 11),
    ("ParameterProblem", 12),
    ("Timestamp", 13),
    ("TimestampReply", 14),
    ("Photuris", 40),
    ("ExtendedEchoRequest", 42),
    ("ExtendedEchoReply", 43),
];

const V6: [(&str, u8); 27] = [
    ("DestinationUnreachable", 1),
    ("PacketTooBig", 2),
    ("TimeExceeded", 3),
    ("ParameterProblem", 4),
    ("EchoRequest", 128),
    ("EchoReply", 129),
    ("MulticastListenerQuery", 130),
    ("MulticastListenerReport", 131),
    ("MulticastListenerDone", 132),
    ("RouterSolicitation", 133),
    ("RouterAdvertisement", 134),
    ("NeighborSolicitation", 135),
    ("NeighborAdvertisement", 136),
    ("RedirectMessage", 137),
    ("RouterRenumbering", 138),
    ("ICMPNodeInformationQuery", 139),
    ("ICMPNodeInformationResponse", 140),
    ("InverseNeighborDiscoverySolicitation", 141),
    ("InverseNeighborDiscoveryAdvertisement", 142),
    ("HomeAgentAddressDiscoveryRequest", 144),
    ("HomeAgentAddressDiscoveryReply", 145),
    ("MobilePrefixSolicitation", 146),
    ("MobilePrefixAdvertisement", 147),
    ("DuplicateAddressRequestCodeSuffix", 157),
    ("DuplicateAddressConfirmationCodeSuffix", 158),
    ("ExtendedEchoRequest", 160),
    ("ExtendedEchoReply", 161),
];

const fn names(family: IcmpFamily) -> &'static [(&'static str, u8)] {
    match family {
        IcmpFamily::V4 => &V4,
        IcmpFamily::V6 => &V6,
    }
}

/// Reads `icmps`: what each of its items is about. `None` where it has none.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<Vec<Option<On>>> {
    let items = list(node, "`icmps`", report).unwrap_or_default();
    if items.is_empty() {
        return None;
    }
    let read = items.iter().flat_map(|item| match fields(item, report) {
        Some(terms) if terms.is_empty() => None,
        terms => Some(terms.map(|terms| On {
            l4: L4Match::Of(terms),
            l7: None,
        })),
    });
    Some(read.collect())
}

fn fields(node: &Node, report: &mut Report) -> Option<Vec<L4Term>> {
    let object = Fields::of(node, "an item of `icmps`", &["fields"], report)?;
    let Some(field) = object.get("fields") else {
        return Some(Vec::new());
    };
    let items = list(field.value, "`fields`", report)?;
    if items.len() > MAX_FIELDS {
        report.invalid(
            format!("`fields` has more than {MAX_FIELDS} items"),
            field.key,
            "expected fewer",
        );
        return None;
    }
    let terms: Vec<Option<L4Term>> = items.iter().map(|item| term(item, report)).collect();
    let mut terms = terms.into_iter().collect::<Option<Vec<L4Term>>>()?;
    terms.sort();
    terms.dedup();
    Some(terms)
}

fn term(node: &Node, report: &mut Report) -> Option<L4Term> {
    let what = "an item of `fields`";
    let object = Fields::of(node, what, &["type", "family"], report)?;
    let family = match object.get("family") {
        None => IcmpFamily::V4,
        Some(field) => match text(field.value, "`family`", report)? {
            "IPv4" => IcmpFamily::V4,
            "IPv6" => IcmpFamily::V6,
            other => {
                one_of(other, field.value.span, "family", &["IPv4", "IPv6"], report);
                return None;
            }
        },
    };
    let kind = object.required("type", what, report)?;
    Some(L4Term::Icmp {
        family,
        kind: Some(message(kind.value, family, report)?),
        code: None,
    })
}

/// A type, by number or by name.
fn message(node: &Node, family: IcmpFamily, report: &mut Report) -> Option<u8> {
    let written = match node.scalar() {
        Some(Scalar::Number(written)) => written,
        Some(Scalar::Text(word)) if word.starts_with(|c: char| c.is_ascii_digit()) => word,
        Some(Scalar::Text(word)) => {
            let known = names(family);
            let found = known.iter().find(|(name, _)| *name == word);
            if found.is_none() {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                let what = format!("message of {}", family.name());
                one_of(word, node.span, &what, &names, report);
            }
            return found.map(|(_, number)| *number);
        }
        _ => {
            wrong_type(node, "`type`", "a number or a name", report);
            return None;
        }
    };
    let number = integer(written).and_then(|number| u8::try_from(number).ok());
    if number.is_none() {
        let headline = format!("`{written}` is not a type of ICMP messages");
        let label = "expected a number from 0 to 255, or a name";
        report.add(Code::InvalidNumber, headline, node.span, label, |_, one| {
            one
        });
    }
    number
}
