//! On what a connection is, with the requests that pass, in words.

use polc_connections::{Connection, Connections, Restriction};
use polc_model::L7Match;

/// `TCP 80`, and behind it what of it passes only: `TCP 80 only { GET /a }`, or with the ports where not
/// all of them are looked at, `TCP 80-81; TCP 80 only { GET /a }`.
pub(super) fn said(connections: &Connections<'_>, connection: &Connection) -> String {
    let keys = connections.keys(connection);
    let mut text = keys.to_string();
    let restrictions = connections.restrictions(connection);
    // What is about everything stands behind it, what is about a part after that.
    let (whole, parts): (Vec<Restriction>, Vec<Restriction>) = restrictions
        .into_iter()
        .partition(|restriction| restriction.keys == *keys);
    for restriction in whole {
        text.push_str(&only(&restriction.only));
    }
    for restriction in parts {
        text.push_str(&format!(
            "; {}{}",
            restriction.keys,
            only(&restriction.only)
        ));
    }
    text
}

fn only(all: &[L7Match]) -> String {
    let all: Vec<String> = all.iter().flat_map(words).collect();
    format!(" only {{ {} }}", all.join("; "))
}

/// What passes, each as `.pol` files say it.
pub(super) fn words(only: &L7Match) -> Vec<String> {
    let named = |what: &str, names: &[String]| {
        names
            .iter()
            .map(|name| format!("{what} \"{name}\""))
            .collect()
    };
    match only {
        L7Match::Http(requests) => requests.iter().map(ToString::to_string).collect(),
        L7Match::Sni(names) => named("sni", names),
        L7Match::Dns(names) => named("dns", names),
    }
}
