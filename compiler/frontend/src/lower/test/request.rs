//! The requests of checks.

use polc_diagnostics::Code;
use polc_model::{HttpRequest, L4Packet, PortProtocol, Request};
use polc_syntax::{
    Span,
    ast::{CheckRequest, Name},
};

use super::packet::inexact;
use crate::{
    lower::{dns, http},
    sink::Sink,
};

/// The request of a check, over this packet's connection.
pub(super) fn lower(
    request: &CheckRequest,
    l4: Option<L4Packet>,
    sink: &mut Sink,
) -> Option<Request> {
    if let CheckRequest::Dns { name, span } = request {
        let is_port = matches!(l4, Some(L4Packet::Port(..)));
        if let Some(l4) = l4.filter(|_| !is_port) {
            not_tcp(*span, l4, sink);
        }
        let lowered = dns::name(name, sink).map(Request::Dns);
        return lowered.filter(|_| is_port);
    }
    let (CheckRequest::Sni { span, .. }
    | CheckRequest::Dns { span, .. }
    | CheckRequest::Http { span, .. }) = request;
    let is_tcp = matches!(l4, Some(L4Packet::Port(PortProtocol::Tcp, _)));
    if let Some(l4) = l4
        && !is_tcp
    {
        not_tcp(*span, l4, sink);
    }
    let lowered = match request {
        CheckRequest::Sni { name, .. } | CheckRequest::Dns { name, .. } => {
            dns::name(name, sink).map(Request::Sni)
        }
        CheckRequest::Http {
            method,
            path,
            hosts,
            headers,
            span,
        } => lower_http(method, path, hosts, headers, *span, sink).map(Request::Http),
    };
    lowered.filter(|_| is_tcp)
}

fn not_tcp(span: Span, l4: L4Packet, sink: &mut Sink) {
    sink.report(
        Code::NotTcp,
        format!("requests run over tcp, found `{l4}`"),
        span,
        "not over this protocol",
        |_, diagnostic| diagnostic.with_help("write the port first, such as `tcp 8080`"),
    );
}

fn lower_http(
    method: &Name,
    path: &Name,
    hosts: &[Name],
    headers: &[(Name, Name)],
    span: Span,
    sink: &mut Sink,
) -> Option<HttpRequest> {
    if method.text == "*" || path.text.contains(['{', '}', '*']) {
        let help = "write one request, such as `GET /api/cart/7`";
        inexact("a check is about one definite request", span, help, sink);
        return None;
    }
    let (only_path, query) = path.text.split_once('?').unwrap_or((&path.text, ""));
    let host = match hosts {
        [] => None,
        [host] => Some(dns::name(host, sink)?),
        [_, second, ..] => {
            let help = "keep one of them";
            inexact("a request has one host", second.span, help, sink);
            return None;
        }
    };
    let headers: Vec<Option<(String, String)>> = headers
        .iter()
        .map(|(name, value)| Some((http::header(name, sink)?, value.text.clone())))
        .collect();
    Some(HttpRequest {
        method: http::method(method, sink)?,
        path: (!only_path.is_empty()).then(|| only_path.to_owned())?,
        query: query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.to_owned())
            })
            .collect(),
        host,
        headers: headers.into_iter().collect::<Option<_>>()?,
    })
}
