//! Addresses and CIDR blocks.

use std::net::IpAddr;

use ipnet::IpNet;
use polc_diagnostics::Code;
use polc_syntax::ast::Name;

use crate::sink::Sink;

/// The block that a text names. A single address is a block of one.
pub(super) fn block(text: &Name, sink: &mut Sink) -> Option<IpNet> {
    if !text.text.contains('/') {
        return address(text, sink).map(IpNet::from);
    }
    let Ok(block) = text.text.parse::<IpNet>() else {
        invalid(text, sink);
        return None;
    };
    let network = block.trunc();
    if network != block {
        sink.report(
            Code::HostBits,
            format!("`{}` has bits set after its prefix", text.text),
            text.span,
            format!("the block is `{network}`"),
            |sink, diagnostic| {
                diagnostic
                    .with_help(format!(
                        "write `{network}` for the block, or `{}` for the one address",
                        block.addr()
                    ))
                    .with_fix(sink.place(text.span), network.to_string())
            },
        );
    }
    Some(network)
}

/// A single address.
pub(super) fn address(text: &Name, sink: &mut Sink) -> Option<IpAddr> {
    if let Ok(address) = text.text.parse() {
        return Some(address);
    }
    if text.text.parse::<IpNet>().is_ok() {
        sink.report(
            Code::InexactPacket,
            format!("`{}` is a block, and one address is needed here", text.text),
            text.span,
            "expected an address without a prefix",
            |_, diagnostic| diagnostic.with_help("name one address of the block"),
        );
    } else {
        invalid(text, sink);
    }
    None
}

fn invalid(text: &Name, sink: &mut Sink) {
    let (what, help) = explain(&text.text);
    sink.report(
        Code::InvalidAddress,
        format!("`{}` is not {what}", text.text),
        text.span,
        help,
        |_, diagnostic| {
            diagnostic.with_help("write an address such as `192.0.2.7` or `2001:db8::7`, or a block such as `192.0.2.0/24`")
        },
    );
}

/// What the text was meant to be, and the first thing that is wrong with it.
fn explain(text: &str) -> (&'static str, String) {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let what = match prefix {
        Some(_) => "a CIDR block",
        None => "an address",
    };
    let is_v6 = address.contains(':');
    if address.parse::<IpAddr>().is_ok() {
        let most = if is_v6 { 128 } else { 32 };
        let family = if is_v6 { "IPv6" } else { "IPv4" };
        let label = match prefix {
            Some("") => format!("expected the length of the prefix, at most {most}"),
            _ => format!("an {family} prefix has at most {most} bits"),
        };
        return (what, label);
    }
    if is_v6 {
        return (
            what,
            "an IPv6 address has eight groups of hexadecimal digits, or `::`".to_owned(),
        );
    }
    let octets: Vec<&str> = address.split('.').collect();
    let label = if octets.len() != 4 {
        format!(
            "an IPv4 address has four numbers, found {}",
            octets.iter().filter(|octet| !octet.is_empty()).count()
        )
    } else if octets
        .iter()
        .any(|octet| octet.len() > 1 && octet.starts_with('0'))
    {
        "a number of an IPv4 address does not start with `0`".to_owned()
    } else {
        "each number of an IPv4 address is at most 255".to_owned()
    };
    (what, label)
}
