//! Connections for programs.

use polc_connections::{Connections, Share};
use polc_model::PortProtocol;
use serde::Serialize;

use super::{explain::Deciders, text::ends};

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
        let protocols = PortProtocol::ALL.into_iter().filter(|_| !everything);
        let ports = protocols.flat_map(|protocol| {
            let ports = keys.ports(protocol).into_iter();
            ports.map(move |(first, last)| PortsView {
                protocol: protocol.name(),
                first,
                last,
            })
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
            ports: ports.collect(),
            protocols: protocols.collect(),
            decided,
        }
    };
    View {
        connections: connections.connections.iter().map(view).collect(),
    }
}
