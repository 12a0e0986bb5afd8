//! Whether an agent can run here, tried out before anything is touched.
//!
//! - [`kernel`]: what the kernel can do
//! - [`file_systems`]: what is mounted
//! - [`privileges`]: what this process may do

pub mod file_systems;
pub mod kernel;
pub mod privileges;

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Something that the agent needs, and whether it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it is here.
    pub state: State,
    /// What was seen; what is used instead; what to do.
    pub detail: String,
}

/// Whether something is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Ok,
    /// It is not, and the agent does without.
    Substitute,
    /// It is not, and the agent does not run.
    Missing,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Substitute => "substitute",
            Self::Missing => "missing",
        }
    }
}

impl Finding {
    fn new(what: &str, state: State, detail: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            state,
            detail: detail.into(),
        }
    }

    fn ok(what: &str, detail: impl Into<String>) -> Self {
        Self::new(what, State::Ok, detail)
    }

    fn substitute(what: &str, detail: impl Into<String>) -> Self {
        Self::new(what, State::Substitute, detail)
    }

    fn missing(what: &str, detail: impl Into<String>) -> Self {
        Self::new(what, State::Missing, detail)
    }
}

/// Tries everything. `bpffs` is where things will be pinned.
#[must_use]
pub fn run(bpffs: &Path) -> Vec<Finding> {
    let mut findings = vec![kernel::version()];
    findings.extend(privileges::all());
    findings.extend([
        kernel::btf(),
        file_systems::bpf(bpffs),
        file_systems::cgroup2(),
    ]);
    findings.extend(kernel::features());
    findings
}
