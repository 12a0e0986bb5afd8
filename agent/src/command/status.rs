//! `polc-agent status`.

use clap::Args;

use super::Which;
use crate::{
    Error,
    api::{Request, Response, Status, client},
};

/// Say what is in force and what it did
#[derive(Args, Debug)]
pub struct StatusCommand {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl StatusCommand {
    pub(super) fn execute(self) -> Result<(), Error> {
        let answer = client::ask_once(&self.which.state_dir().socket(), &Request::Status)?;
        if let Response::Status(status) = answer {
            if self.json {
                let text = serde_json::to_string_pretty(&status)
                    .map_err(|cause| Error::kernel("writing JSON")(cause.into()))?;
                println!("{text}");
            } else {
                print(&status);
            }
        }
        Ok(())
    }
}

fn print(status: &Status) {
    println!(
        "package {} (bundle {}) in force on {}, epoch {}",
        status.package,
        status.bundle.get(..12).unwrap_or(&status.bundle),
        status.node,
        status.epoch
    );
    match &status.signed_by {
        Some(key) => println!("signed with key {key}"),
        None => println!("signatures are not asked for"),
    }
    println!("flows: {}, new ones: {}", status.flows, status.new_flows);
    if status.lost_events > 0 {
        println!("events lost: {}", status.lost_events);
    }
    println!("endpoints:");
    for endpoint in &status.endpoints {
        println!(
            "  {} at {}: ingress {}, egress {}",
            endpoint.name,
            endpoint.interface,
            list(&endpoint.ingress),
            list(&endpoint.egress)
        );
    }
    println!("judgements:");
    for count in &status.verdicts {
        println!("  {:>8} packets: {}", count.packets, count.decider);
    }
    println!("drops:");
    for count in &status.drops {
        println!("  {:>8} packets: {}", count.packets, count.name);
    }
}

fn list(policies: &[String]) -> String {
    if policies.is_empty() {
        "open".to_owned()
    } else {
        format!("by {}", policies.join(", "))
    }
}
