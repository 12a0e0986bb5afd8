//! `polc-agent flows`.

use clap::Args;

use super::Which;
use crate::{
    Error,
    api::{After, Request, Response, client},
    flows::{
        Filter,
        filter::{WantedPort, WantedVerdict, Who},
    },
};

/// Show new flows and drops, with the rule and the source line that decided
///
/// The agent keeps the latest 8,192. Filters that are given together must all fit.
#[derive(Args, Debug)]
pub struct Flows {
    /// Go on as they come
    #[arg(long)]
    follow: bool,
    /// How many past ones, of those that the filters accept
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
    /// Only packets that this endpoint, node or entity sent: a name, an address or a CIDR block
    #[arg(long, value_name = "WHO")]
    from: Option<Who>,
    /// Only packets for this endpoint, node or entity: a name, an address or a CIDR block
    #[arg(long, value_name = "WHO")]
    to: Option<Who>,
    /// Only packets of which this became
    #[arg(long, value_enum)]
    verdict: Option<WantedVerdict>,
    /// Only packets for this port: `443`, or `tcp/443`
    #[arg(long)]
    port: Option<WantedPort>,
    /// One JSON object for each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Flows {
    pub(super) fn execute(self) -> Result<(), Error> {
        let request = Request::Flows {
            last: self.last,
            filter: Filter {
                from: self.from,
                to: self.to,
                verdict: self.verdict,
                port: self.port,
            },
            then: if self.follow {
                After::Follow
            } else {
                After::End
            },
        };
        client::ask(&self.which.state_dir().socket(), &request, |response| {
            if let Response::Flow(record) = response {
                if self.json {
                    let line = serde_json::to_string(&record)
                        .map_err(|cause| Error::kernel("writing JSON")(cause.into()))?;
                    println!("{line}");
                } else {
                    println!("{} {record}", record.id);
                }
            }
            Ok(())
        })
    }
}
