//! `polc-agent preflight`.

use std::path::PathBuf;

use clap::Args;

use super::{json, table};
use crate::{
    Error,
    preflight::{self, Finding, State},
};

/// Say whether an agent can run here, and what is missing
///
/// Everything is tried out, with the rights of whoever runs this; nothing is attached, mounted or
/// left behind. Each line says `ok`, `substitute` with what is used instead, or `missing` with what
/// to do. The exit code is 1 when something is missing.
#[derive(Args, Debug)]
pub struct Preflight {
    /// Where the BPF file system is mounted, or shall be
    #[arg(long, default_value = super::DEFAULT_BPFFS, value_name = "DIR")]
    bpffs: PathBuf,
    /// One JSON array
    #[arg(long)]
    json: bool,
}

impl Preflight {
    pub(super) fn execute(self) -> Result<(), Error> {
        let findings = preflight::run(&self.bpffs);
        if self.json {
            json::print(&findings)?;
        } else {
            table::print(["WHAT", "STATE", "DETAIL"], findings.iter().map(row));
        }
        let is_missing = |finding: &&Finding| finding.state == State::Missing;
        let missing = findings.iter().filter(is_missing);
        let missing: Vec<&str> = missing.map(|finding| finding.what.as_str()).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::Preflight(missing.join(", ")))
        }
    }
}

fn row(finding: &Finding) -> [String; 3] {
    [
        finding.what.clone(),
        finding.state.name().to_owned(),
        finding.detail.clone(),
    ]
}
