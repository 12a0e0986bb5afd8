//! `polc-agent peers`.

use clap::Args;

use super::{Which, json, table};
use crate::{
    Error,
    api::{Request, Response, client},
    inspect::peers::Peer,
};

/// List everybody that policies may speak about, with the policies that do
///
/// Blocks of addresses are those that policies on this node mention; both default routes stand for
/// every other address.
#[derive(Args, Debug)]
pub struct Peers {
    /// One JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Peers {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Peers)?;
        if let Response::Peers { peers } = answer {
            if self.json {
                return json::print(&peers);
            }
            let header = ["NAME", "KIND", "INTERFACE", "ADDRESSES", "POLICIES"];
            table::print(header, peers.iter().map(row));
        }
        Ok(())
    }
}

fn row(peer: &Peer) -> [String; 5] {
    [
        peer.name.clone(),
        peer.kind.clone(),
        peer.interface.clone().unwrap_or_default(),
        match peer.block {
            Some(block) => block.to_string(),
            None => super::list(&peer.addresses),
        },
        super::list(&peer.policies),
    ]
}
