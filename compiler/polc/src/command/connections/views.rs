//! Connections for programs.

use polc_connections::{Connections, L4Set, Share};
use polc_model::PortProtocol;
use serde::Serialize;

use super::{explain::Deciders, requests::words, text::ends};

/// What `--format json` writes; fields may be added, never removed or renamed.
#[derive(Serialize)]
pub(super) struct View {
    connections: Vec<ConnectionView>,
}

#[derive(Serialize)]
struct ConnectionView {
    source: String,
    destination: String,
    /// Whether it is on everything; then nothing is listed.
    everything: bool,
    ports: Vec<PortsView>,
    /// Protocols without ports, where some of them are allowed and not all.
    protocols: Vec<ProtocolView>,
    /// Where only some requests pass; of two on one port both let a request pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restrictions: Vec<RestrictionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Vec<DecidedView>>,
}

#[derive(Serialize)]
struct PortsView {
    protocol: &'static str,
    first: u16,
    last: u16,
}

#[derive(Serialize)]
struct ProtocolView {
    number: u8,
    whole: bool,
}

#[derive(Serialize)]
struct RestrictionView {
    direction: &'static str,
    ports: Vec<PortsView>,
    /// What passes, each as `.pol` files say it.
    only: Vec<String>,
}

#[derive(Serialize)]
struct DecidedView {
    direction: &'static str,
    verdict: &'static str,
    on: String,
    by: String,
    place: Option<String>,
}

pub(super) fn all(connections: &Connections<'_>, deciders: Option<&Deciders<'_>>) -> View {
    let view = |connection| {
        let [source, destination] = ends(connections, connection);
        let keys = connections.keys(connection);
        let everything = keys.is_all();
        let ports = match everything {
            true => Vec::new(),
            false => ports_of(keys),
        };
        let restrictions = connections.restrictions(connection).into_iter();
        let restrictions = restrictions.map(|one| RestrictionView {
            direction: one.direction.name(),
            ports: ports_of(&one.keys),
            only: one.only.iter().flat_map(words).collect(),
        });
        let protocols = keys.other_protocols().into_iter();
        let protocols = protocols.map(|(number, share)| ProtocolView {
            number,
            whole: share == Share::Whole,
        });
        let decided = deciders.map(|deciders| {
            let decided = deciders.decided(connection).into_iter();
            let decided = decided.map(|one| DecidedView {
                direction: one.direction,
                verdict: one.verdict,
                on: one.keys,
                by: one.by,
                place: one.place,
            });
            decided.collect()
        });
        ConnectionView {
            source,
            destination,
            everything,
            ports,
            protocols: protocols.collect(),
            restrictions: restrictions.collect(),
            decided,
        }
    };
    View {
        connections: connections.connections.iter().map(view).collect(),
    }
}

fn ports_of(keys: &L4Set) -> Vec<PortsView> {
    let of = |protocol: PortProtocol| {
        let ports = keys.ports(protocol).into_iter();
        ports.map(move |(first, last)| PortsView {
            protocol: protocol.name(),
            first,
            last,
        })
    };
    PortProtocol::ALL.into_iter().flat_map(of).collect()
}
