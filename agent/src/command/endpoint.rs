//! `polc-agent endpoint set` and `polc-agent endpoint remove`.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use clap::{Args, Subcommand};

use super::Which;
use crate::{
    Error,
    api::{Request, Response, client},
};

/// Set or remove single endpoints, here or elsewhere, beside the inventory
///
/// What is set takes the place of what the inventory says of an endpoint of the same name, whether that is
/// followed or not, and stays set when the agent is started again, until it is removed.
#[derive(Args, Debug)]
pub struct EndpointCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Put endpoints in force, all of them or none
    ///
    /// Answers when they are enforced. A Pod that has ended, or has no address yet, is removed.
    Set {
        /// What says them: `endpoints` in the words of an inventory, or Pods, as YAML or JSON; `-` is the
        /// standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Remove an endpoint that was set
    ///
    /// What the inventory says of it counts again, if it says anything.
    Remove {
        /// Its full name
        #[arg(value_name = "NAMESPACE/NAME")]
        name: String,
        #[command(flatten)]
        which: Which,
    },
}

impl EndpointCommand {
    pub(super) fn execute(self) -> Result<(), Error> {
        let (request, which) = match self.what {
            What::Set { file, which } => {
                let text = if file.as_os_str() == "-" {
                    let mut text = String::new();
                    let read = io::stdin().read_to_string(&mut text);
                    read.map(|_| text)
                } else {
                    fs::read_to_string(&file)
                };
                let text = text.map_err(Error::file(&file))?;
                (Request::SetEndpoints { text, origin: file }, which)
            }
            What::Remove { name, which } => (Request::RemoveEndpoint { name }, which),
        };
        let answer = client::ask_once(&which.state_dir().socket(), &request)?;
        if let Response::Endpoint {
            set,
            removed,
            epoch,
        } = answer
        {
            for name in set {
                println!("{name} is in force, epoch {epoch}");
            }
            for (name, why) in removed {
                println!("{name} is not set, epoch {epoch}: {why}");
            }
        }
        Ok(())
    }
}
