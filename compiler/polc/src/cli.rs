//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A typed policy language and compiler for eBPF networking
#[derive(Debug, Parser)]
#[command(
    name = "polc",
    version,
    after_help = "Exit codes: 0 when everything is fine, 1 when there are findings, 2 when polc could not do its work."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check packages and say what is wrong with them
    Check(CheckArguments),
    /// Check packages and run their tests
    Test(TestArguments),
    /// Compile a package into a bundle that an agent puts in force
    Build(BuildArguments),
    /// Show what bundles hold, or what packages would compile to
    Inspect(InspectArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The directory of one package
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Where to write the bundle; `PACKAGE.polb` by default
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Compile what these endpoints need, too, so that no node has to
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Option<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// Show the programs, with the policy source between their instructions
    #[arg(long)]
    pub(crate) disasm: bool,
}

/// What every subcommand that reads packages takes.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Package directories, directories of packages, or `.pol` files (`inspect`: also bundles)
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With the source, for people
    Human,
    /// One line each: `file:line:column: severity[code]: message`
    Plain,
    /// For programs
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
