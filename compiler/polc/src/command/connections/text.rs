//! Lines, and lines for spreadsheets. A large cluster has many millions: they are written while they are
//! made.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use polc_connections::{Connection, Connections, PeerIndex};

use super::{explain::Deciders, requests::said};

/// `source => destination : protocols and ports`, with the requests that pass, and who decides indented
/// below it. In order of line.
pub(super) fn lines(
    out: &mut dyn Write,
    connections: &Connections<'_>,
    deciders: Option<&Deciders<'_>>,
) -> io::Result<()> {
    let sources = beginnings(connections, " => ");
    let destinations = beginnings(connections, " : ");
    let mut order: Vec<&Connection> = connections.connections.iter().collect();
    order.sort_unstable_by_key(|one| {
        let rank = |beginnings: &[(u32, String)], peer: PeerIndex| {
            beginnings.get(peer.0 as usize).map(|(rank, _)| *rank)
        };
        (
            rank(&sources, one.source),
            rank(&destinations, one.destination),
        )
    });
    for connection in order {
        let [source, destination] = [
            (&sources, connection.source),
            (&destinations, connection.destination),
        ]
        .map(|(beginnings, peer)| beginnings.get(peer.0 as usize));
        for (_, text) in source.into_iter().chain(destination) {
            out.write_all(text.as_bytes())?;
        }
        writeln!(out, "{}", said(connections, connection))?;
        for decided in deciders.iter().flat_map(|one| one.decided(connection)) {
            writeln!(out, "    {}", decided.line())?;
        }
    }
    Ok(())
}

/// How parts of lines begin with each peer, and which of them comes first.
fn beginnings(connections: &Connections<'_>, end: &str) -> Vec<(u32, String)> {
    let peers = connections.peers.iter();
    let texts: Vec<String> = peers.map(|peer| format!("{peer}{end}")).collect();
    let ranks: BTreeMap<&str, u32> = {
        let mut sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.into_iter().zip(0..).collect()
    };
    let rank = |text: &str| ranks.get(text).copied().unwrap_or_default();
    let ranked: Vec<u32> = texts.iter().map(|text| rank(text)).collect();
    ranked.into_iter().zip(texts).collect()
}

/// As [`lines`], with a heading and in fields.
pub(super) fn csv(
    out: &mut dyn Write,
    connections: &Connections<'_>,
    deciders: Option<&Deciders<'_>>,
) -> io::Result<()> {
    let heading = match deciders {
        Some(_) => "source,destination,connections,decided",
        None => "source,destination,connections",
    };
    writeln!(out, "{heading}")?;
    for connection in &connections.connections {
        let [source, destination] = ends(connections, connection);
        let mut fields = vec![source, destination, said(connections, connection)];
        if let Some(deciders) = deciders {
            let decided = deciders.decided(connection);
            let lines: Vec<String> = decided.iter().map(|one| one.line()).collect();
            fields.push(lines.join("; "));
        }
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    Ok(())
}

/// Source and destination, for people.
pub(super) fn ends(connections: &Connections<'_>, connection: &Connection) -> [String; 2] {
    [connection.source, connection.destination].map(|end| {
        let peer = connections.peer(end);
        peer.map(ToString::to_string).unwrap_or_default()
    })
}

/// A field as RFC 4180 writes it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_are_quoted() {
        assert_eq!(quoted("TCP 80"), "TCP 80");
        assert_eq!(quoted("TCP 80,UDP \"x\""), "\"TCP 80,UDP \"\"x\"\"\"");
    }
}
