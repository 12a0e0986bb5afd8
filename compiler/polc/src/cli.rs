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
    /// Say who may talk to whom on what in a cluster
    Connections(ConnectionsArguments),
    /// Make a pair of keys to sign bundles with
    Keygen(KeygenArguments),
    /// Sign bundles
    Sign(SignArguments),
    /// Check bundles without a node: intact, compiled as they say, within budget, signed
    Verify(VerifyArguments),
    /// Write policies in another form: Kubernetes objects as `.pol`, or the other way round
    Convert(ConvertArguments),
    /// Lay out policy files in the one style
    Fmt(FmtArguments),
    /// Explain an error code or a lint, or list them all
    Explain(ExplainArguments),
    /// Make a small package to begin with
    Init(InitArguments),
    /// Print completions for a shell
    Completions(CompletionsArguments),
    /// Write manual pages
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Package directories, directories of packages, `.pol` files, or Kubernetes policies in YAML or JSON; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// How to write the findings
    #[arg(long, value_enum, default_value_t = CheckFormat::Human, value_name = "FORMAT")]
    pub(crate) format: CheckFormat,

    /// Also say which policies apply to none of these endpoints: an inventory, or the objects that run in
    /// a cluster, such as Pods and Deployments; a file, or a directory of them
    #[arg(long, value_name = "PATH")]
    pub(crate) inventory: Option<PathBuf>,

    /// Apply fixes that have only one possible meaning, then say what is left
    #[arg(long)]
    pub(crate) fix: bool,

    /// Check again whenever a file changes, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,

    /// Fail on warnings, too
    #[arg(long)]
    pub(crate) deny_warnings: bool,

    /// Go on where Kubernetes policies ask for what polc cannot enforce yet, with a warning: what would allow with it allows nothing, and what would deny denies all it could
    #[arg(long)]
    pub(crate) permissive: bool,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// With the source, for people
    Human,
    /// One line each: `file:line:column: severity[code]: message`
    Plain,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, for annotations on GitHub
    Github,
}

impl CheckFormat {
    /// How errors that are no findings are written beside it.
    pub(crate) const fn of_errors(self) -> Format {
        match self {
            Self::Human => Format::Human,
            Self::Plain | Self::Github | Self::Sarif => Format::Plain,
            Self::Json => Format::Json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Package directories, directories of packages, `.pol` files, or Kubernetes policies in YAML or JSON; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// How to write the results
    #[arg(long, value_enum, default_value_t = TestFormat::Human, value_name = "FORMAT")]
    pub(crate) format: TestFormat,

    /// Also say which rules no test decides by
    #[arg(long)]
    pub(crate) coverage: bool,

    /// Go on where Kubernetes policies ask for what polc cannot enforce yet, with a warning: what would allow with it allows nothing, and what would deny denies all it could
    #[arg(long)]
    pub(crate) permissive: bool,
}

/// How results of tests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    /// With the source, for people
    Human,
    /// One line each: `file:line:column: severity[code]: message`
    Plain,
    /// For programs
    Json,
    /// JUnit XML, for continuous integration
    Junit,
}

impl TestFormat {
    /// How errors that are no results are written beside it.
    pub(crate) const fn of_errors(self) -> Format {
        match self {
            Self::Human => Format::Human,
            Self::Plain | Self::Junit => Format::Plain,
            Self::Json => Format::Json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The directory of one package, or a file of policies; `-` is standard input
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Where to write the bundle; `PACKAGE.polb` by default
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Compile what these endpoints need, too, so that no node has to: an inventory, or the objects that
    /// run in a cluster, such as Pods and Deployments; a file, or a directory of them
    #[arg(long, value_name = "PATH")]
    pub(crate) inventory: Option<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Go on where Kubernetes policies ask for what polc cannot enforce yet, with a warning: what would allow with it allows nothing, and what would deny denies all it could
    #[arg(long)]
    pub(crate) permissive: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    /// The directory of one package, or files of policies in one directory; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// The form to write. By default, what is Kubernetes objects becomes `.pol`
    #[arg(long, value_enum, default_value_t = Form::Pol, value_name = "FORM")]
    pub(crate) to: Form,

    /// Where to write it; standard output by default
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// Forms of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Our own language
    Pol,
    /// NetworkPolicy of `networking.k8s.io/v1`
    NetworkPolicy,
    /// CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy of `cilium.io/v2`
    Cilium,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// Go on where Kubernetes policies ask for what polc cannot enforce yet, with a warning: what would allow with it allows nothing, and what would deny denies all it could
    #[arg(long)]
    pub(crate) permissive: bool,

    /// Show the programs, with the policy source between their instructions
    #[arg(long)]
    pub(crate) disasm: bool,

    /// Show what each class asks about a peer, port by port: as text, or drawn as DOT or SVG
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text"
    )]
    pub(crate) plan: Option<PlanForm>,
}

/// How `inspect` shows a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanForm {
    /// For people
    Text,
    /// For graphviz and its like
    Dot,
    /// For browsers
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionsArguments {
    /// Directories or files with a cluster's objects in YAML or JSON, its policies among them, and `.pol` files; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// How to write the connections
    #[arg(long, value_enum, default_value_t = ConnectionsFormat::Txt, value_name = "FORMAT")]
    pub(crate) format: ConnectionsFormat,

    /// Also say which policies decide, and where they are
    #[arg(long)]
    pub(crate) explain: bool,

    /// Say instead whether policy lets the workloads' own probes succeed, those that run `curl`: as text, or
    /// with `--format json`
    #[arg(long, conflicts_with = "explain")]
    pub(crate) probes: bool,

    /// Go on where Kubernetes policies ask for what polc cannot enforce yet, with a warning: what would allow with it allows nothing, and what would deny denies all it could
    #[arg(long)]
    pub(crate) permissive: bool,
}

/// How connections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConnectionsFormat {
    /// One line each: `source => destination : protocols and ports`
    Txt,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// For graphviz and its like
    Dot,
    /// For browsers
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArguments {
    /// Where to write the secret key; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Where to write the public key; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: PathBuf,

    /// Protect the secret key with the password in the first line of this file, rather than ask
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Do not protect the secret key: whoever reads the file can sign
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) no_password: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The bundles
    #[arg(required = true, value_name = "BUNDLE")]
    pub(crate) bundles: Vec<PathBuf>,

    /// The secret key, as `polc keygen` or `minisign -G` made it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// The key's password is the first line of this file; without it, polc asks
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Where to write the signature of one bundle; `BUNDLE.minisig` by default
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The bundles; the signature of each is `BUNDLE.minisig` beside it
    #[arg(required = true, value_name = "BUNDLE")]
    pub(crate) bundles: Vec<PathBuf>,

    /// Also ask the programs about one packet of each kind that the policies tell apart, and compare
    /// with the reference interpreter; takes longer
    #[arg(long)]
    pub(crate) exhaustive: bool,

    /// Refuse a bundle that this key did not sign; given several times, one of them must have
    #[arg(long = "public-key", value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// A code such as `P0101`, or the name of a lint
    #[arg(value_name = "CODE")]
    pub(crate) what: Option<String>,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FmtArguments {
    /// Directories or `.pol` files; `-` is standard input
    #[arg(required_unless_present = "stdin", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Write nothing; show what would change, and fail if anything would
    #[arg(long)]
    pub(crate) check: bool,

    /// Read standard input, write standard output
    #[arg(long, conflicts_with = "paths")]
    pub(crate) stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Where to make it
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Where to write them
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// What every subcommand that reads packages takes.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Package directories, directories of packages, `.pol` files, or Kubernetes policies in YAML or JSON (`inspect`: also bundles)
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

impl Format {
    /// How findings are written in this format.
    pub(crate) const fn of_findings(self) -> CheckFormat {
        match self {
            Self::Human => CheckFormat::Human,
            Self::Plain => CheckFormat::Plain,
            Self::Json => CheckFormat::Json,
        }
    }
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
