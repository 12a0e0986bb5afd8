//! `polc-agent policies`.

use clap::Args;
use polc_model::Enforcement;

use super::{Which, json, table};
use crate::{
    Error,
    api::{Request, Response, client},
    inspect::policies::Policy,
};

/// List the policies in force: where they are written, whom they select, what they decided
///
/// Packets are counted when they are judged: each flow's first, its first after a change, and each
/// that is dropped. Another bundle or inventory begins anew. What a policy in audit would have
/// denied counts as denied by it.
#[derive(Args, Debug)]
pub struct Policies {
    /// One JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Policies {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Policies)?;
        if let Response::Policies { policies } = answer {
            if self.json {
                return json::print(&policies);
            }
            let header = [
                "NAME",
                "WHERE",
                "TIER",
                "MODE",
                "DIRECTIONS",
                "ENDPOINTS",
                "PACKETS",
                "BYTES",
                "DENIED",
            ];
            table::print(header, policies.iter().map(row));
        }
        Ok(())
    }
}

fn row(policy: &Policy) -> [String; 9] {
    [
        policy.name.clone(),
        policy.place.clone(),
        policy.tier.clone(),
        match policy.enforcement {
            Enforcement::Enforce => "enforce",
            Enforcement::Audit => "audit",
        }
        .to_owned(),
        super::list(&policy.directions),
        policy.endpoints.len().to_string(),
        policy.packets.to_string(),
        policy.bytes.to_string(),
        policy.denied.to_string(),
    ]
}
