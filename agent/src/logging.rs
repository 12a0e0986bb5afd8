//! What the agent says on its standard error.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object in each line
    Json,
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What went wrong
    Error,
    /// And what may be about to
    Warn,
    /// And what was put in force
    #[default]
    Info,
    /// And what clients ask
    Debug,
    /// All there is
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// Lets the agent say things from now on. The first call counts.
pub fn start(format: Format, level: Level) {
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(LevelFilter::from(level))
        .with_target(false);
    // An agent without a voice is still an agent.
    let _ = match format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
}
