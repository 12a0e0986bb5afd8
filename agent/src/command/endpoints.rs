//! `polc-agent endpoints`.

use clap::Args;

use super::{Which, json, table};
use crate::{
    Error,
    api::{Request, Response, client},
    inspect::endpoints::Endpoint,
};

/// List the endpoints on this node, with the policies that judge them
#[derive(Args, Debug)]
pub struct Endpoints {
    /// One JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Endpoints {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Endpoints)?;
        if let Response::Endpoints { endpoints } = answer {
            if self.json {
                return json::print(&endpoints);
            }
            let header = ["NAME", "ID", "INTERFACE", "ADDRESSES", "INGRESS", "EGRESS"];
            table::print(header, endpoints.iter().map(row));
        }
        Ok(())
    }
}

fn row(endpoint: &Endpoint) -> [String; 6] {
    let interface = match (&endpoint.interface, endpoint.ifindex) {
        (Some(interface), None) if !endpoint.host => format!("{interface} (missing)"),
        (Some(interface), _) => interface.clone(),
        (None, _) => "(no route)".to_owned(),
    };
    let name = match endpoint {
        Endpoint {
            init: true, name, ..
        } => format!("{name} (init)"),
        Endpoint {
            host: true, name, ..
        } => format!("{name} (host)"),
        Endpoint { name, .. } => name.clone(),
    };
    [
        name,
        endpoint.id.to_string(),
        interface,
        super::list(&endpoint.addresses),
        endpoint.ingress.to_string(),
        endpoint.egress.to_string(),
    ]
}
