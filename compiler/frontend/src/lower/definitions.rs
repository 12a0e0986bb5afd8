//! Checks of definitions where they stand. Their values are resolved in the environment.

use polc_diagnostics::Code;
use polc_syntax::ast::{Definition, HttpExpr, L4Expr, Name, PeerExpr};

use super::{Scope, http, l4, peers};
use crate::{
    sink::Sink,
    types::{Kind, PeersType},
};

/// Checks `endpoints NAME = …`.
pub(crate) fn check_endpoints(item: &Definition<PeerExpr>, scope: &dyn Scope, sink: &mut Sink) {
    let Some(value) = &item.value else { return };
    match peers::lower(value, scope, sink).of {
        PeersType::Addresses => wrong_kind(item, value, Kind::Cidr, "endpoints", sink),
        PeersType::Names => wrong_kind(item, value, Kind::Dns, "endpoints", sink),
        _ => {}
    }
}

/// Checks `cidr NAME = …`.
pub(crate) fn check_cidr(item: &Definition<PeerExpr>, scope: &dyn Scope, sink: &mut Sink) {
    let Some(value) = &item.value else { return };
    only(Kind::Cidr, item, value, scope, sink);
}

/// Checks that a value is of one kind of peers and no other.
fn only(
    needed: Kind,
    item: &Definition<PeerExpr>,
    value: &PeerExpr,
    scope: &dyn Scope,
    sink: &mut Sink,
) {
    let found = match peers::lower(value, scope, sink).of {
        PeersType::Unknown => return,
        PeersType::Endpoints => Kind::Endpoints,
        PeersType::Addresses => Kind::Cidr,
        PeersType::Names => Kind::Dns,
        PeersType::Entities => Kind::Entity,
        PeersType::Mixed => {
            mixed(needed, item, value, sink);
            return;
        }
    };
    if found != needed {
        wrong_kind(item, value, found, needed.described(), sink);
    }
}

fn mixed(needed: Kind, item: &Definition<PeerExpr>, value: &PeerExpr, sink: &mut Sink) {
    let what = needed.described();
    sink.report(
        Code::WrongType,
        format!("expected {what}, found other peers among them"),
        value.span(),
        format!("not only {what}"),
        |sink, diagnostic| {
            let name = &item.name.text;
            diagnostic
                .with_label(
                    sink.place(item.name.span),
                    format!("defined as `{}` here", needed.word()),
                )
                .with_help(format!(
                    "define it as `endpoints {name} = …`, or leave out what belongs elsewhere"
                ))
        },
    );
}

fn wrong_kind(
    item: &Definition<PeerExpr>,
    value: &PeerExpr,
    found: Kind,
    needed: &str,
    sink: &mut Sink,
) {
    let name = &item.name;
    sink.report(
        Code::WrongType,
        format!("expected {needed}, found {}", found.described()),
        value.span(),
        format!("these are {}", found.described()),
        |sink, diagnostic| {
            diagnostic
                .with_label(sink.place(name.span), format!("defined as {needed} here"))
                .with_help(format!("write `{} {} = …`", found.word(), name.text))
        },
    );
}

/// Checks `dns NAME = …`.
pub(crate) fn check_dns(item: &Definition<PeerExpr>, scope: &dyn Scope, sink: &mut Sink) {
    let Some(value) = &item.value else { return };
    only(Kind::Dns, item, value, scope, sink);
}

/// Checks `entity NAME = …`.
pub(crate) fn check_entity(item: &Definition<PeerExpr>, scope: &dyn Scope, sink: &mut Sink) {
    let Some(value) = &item.value else { return };
    only(Kind::Entity, item, value, scope, sink);
}

/// Checks `ports NAME = …`.
pub(crate) fn check_ports(item: &Definition<L4Expr>, scope: &dyn Scope, sink: &mut Sink) {
    if let Some(value) = &item.value {
        l4::lower(value, scope, sink);
    }
}

/// Checks `http NAME { … }`.
pub(crate) fn check_http(item: &Definition<HttpExpr>, scope: &dyn Scope, sink: &mut Sink) {
    if let Some(value) = &item.value {
        http::lower(value, scope, sink);
    }
}

/// Checks `host_access WORD`.
pub(crate) fn check_host_access(word: &Name, sink: &mut Sink) {
    if word.is_missing() || word.text == "restricted" {
        return;
    }
    sink.report(
        Code::UnknownSetting,
        format!("`{}` is not a kind of host access", word.text),
        word.span,
        "expected `restricted`",
        |sink, diagnostic| {
            diagnostic
                .with_help("without this item, a node always reaches its own endpoints")
                .with_fix(sink.place(word.span), "restricted")
        },
    );
}
