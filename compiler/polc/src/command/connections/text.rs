//! Lines, and lines for spreadsheets.

use std::io::Write as _;

use polc_connections::{Connection, Connections};

use super::explain::Deciders;

/// `source => destination : protocols and ports`, and who decides indented below it.
pub(super) fn lines(
    text: &mut Vec<u8>,
    connections: &Connections<'_>,
    deciders: Option<&Deciders<'_>>,
) {
    let mut lines: Vec<(String, &Connection)> = connections
        .connections
        .iter()
        .map(|connection| {
            let [source, destination] = ends(connections, connection);
            let keys = connections.keys(connection);
            (format!("{source} => {destination} : {keys}"), connection)
        })
        .collect();
    lines.sort_unstable();
    for (line, connection) in lines {
        // Writing to memory does not fail.
        let _ = writeln!(text, "{line}");
        for decided in deciders.iter().flat_map(|one| one.decided(connection)) {
            let _ = writeln!(text, "    {}", decided.line());
        }
    }
}

/// As [`lines`], with a heading and in fields.
pub(super) fn csv(
    text: &mut Vec<u8>,
    connections: &Connections<'_>,
    deciders: Option<&Deciders<'_>>,
) {
    let heading = match deciders {
        Some(_) => "source,destination,connections,decided",
        None => "source,destination,connections",
    };
    let _ = writeln!(text, "{heading}");
    for connection in &connections.connections {
        let [source, destination] = ends(connections, connection);
        let mut fields = vec![
            source,
            destination,
            connections.keys(connection).to_string(),
        ];
        if let Some(deciders) = deciders {
            let decided = deciders.decided(connection);
            let lines: Vec<String> = decided.iter().map(|one| one.line()).collect();
            fields.push(lines.join("; "));
        }
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        let _ = writeln!(text, "{}", fields.join(","));
    }
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
