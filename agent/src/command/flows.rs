//! `polc-agent flows`.

use clap::Args;

use super::Which;
use crate::{
    Error,
    api::{After, Request, Response, client},
};

/// Show new flows and drops, with the rule and the source line that decided
#[derive(Args, Debug)]
pub struct Flows {
    /// Go on as they come
    #[arg(long)]
    follow: bool,
    /// How many past ones
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
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
                    println!("{record}");
                }
            }
            Ok(())
        })
    }
}
