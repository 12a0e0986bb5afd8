//! The checks of a test.

use polc_diagnostics::{Code, suggest};
use polc_model::{IcmpFamily, L4Packet, Party};
use polc_syntax::ast;

use super::{LoweredCheck, packet, party::Parties, request};
use crate::{origin::Lines, sink::Sink};

pub(super) fn lower<'a>(
    check: &ast::Check,
    parties: &mut Parties<'_>,
    policies: &dyn Fn() -> &'a [String],
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Option<LoweredCheck> {
    let source = parties.resolve(&check.source, sink);
    let destination = check
        .destination
        .as_ref()
        .and_then(|party| parties.resolve(party, sink));
    let l4 = check
        .packet
        .as_ref()
        .and_then(|term| packet::lower(term, sink));
    let request = check
        .request
        .as_ref()
        .map(|request| request::lower(request, l4, sink));
    let by = check.by.as_ref().filter(|name| !name.is_missing());
    if let Some(name) = by
        && !policies().contains(&name.text)
    {
        let meant = suggest::closest(&name.text, policies().iter().map(String::as_str));
        sink.report(
            Code::UnknownName,
            format!("unknown policy `{}`", name.text),
            name.span,
            "no policy of this package has this name",
            |sink, diagnostic| match meant {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant),
                None => diagnostic,
            },
        );
        return None;
    }
    let lowered = LoweredCheck {
        source: source?,
        destination: destination?,
        l4: l4?,
        // A request that was not understood leaves nothing to check.
        request: match request {
            Some(request) => Some(request?),
            None => None,
        },
        outcome: check.outcome?,
        by: by.map(|name| name.text.clone()),
        origin: lines.origin(check.span),
    };
    is_meaningful(check, &lowered, parties, sink).then_some(lowered)
}

fn is_meaningful(
    check: &ast::Check,
    lowered: &LoweredCheck,
    parties: &Parties<'_>,
    sink: &mut Sink,
) -> bool {
    let ends = [lowered.source, lowered.destination];
    let is_ours = |party: &Party| matches!(party, Party::Endpoint(_) | Party::Host);
    if !ends.iter().any(is_ours) {
        sink.report(
            Code::NoEndpoint,
            "neither end of this flow is an endpoint or the node",
            check.span,
            "no policy speaks about it",
            |_, diagnostic| {
                diagnostic
                    .with_help("put an endpoint that a `given` defines, or `host`, at one end")
            },
        );
        return false;
    }
    // The family that each part of the check needs: `Some(true)` is IPv6.
    let packet = match lowered.l4 {
        L4Packet::Icmp(family, ..) => Some(family == IcmpFamily::V6),
        _ => None,
    };
    let families = [true, false].map(|is_v6| {
        let has = |party: &Party| {
            let addresses = parties.addresses(*party);
            addresses.is_empty() || addresses.iter().any(|address| address.is_ipv6() == is_v6)
        };
        ends.iter().all(has) && packet.is_none_or(|needed| needed == is_v6)
    });
    if families == [false, false] {
        sink.report(
            Code::FamilyMismatch,
            "this flow mixes IPv4 and IPv6",
            check.span,
            "no packet is of both",
            |_, diagnostic| {
                diagnostic.with_help("use addresses and ICMP of one family at both ends")
            },
        );
        return false;
    }
    true
}
