//! What can go wrong, in words for the person who has to do something about it.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use miette::Diagnostic;
use thiserror::Error as ThisError;

/// What can go wrong.
#[derive(Debug, ThisError, Diagnostic)]
pub enum Error {
    /// No object was embedded.
    #[error("this polc-agent was built without its datapath")]
    #[diagnostic(
        code(polc::agent::no_datapath),
        help("build it with `cargo xtask build`")
    )]
    NoDatapath,

    /// The kernel refuses a fixed program.
    #[error("the kernel does not take the datapath: {cause}")]
    #[diagnostic(code(polc::agent::datapath), help("{}", hint(log)))]
    Datapath {
        /// What it said.
        cause: String,
        /// What its verifier said.
        log: String,
    },

    /// The kernel refuses a generated program.
    #[error("the kernel does not take the program of {class}: {cause}")]
    #[diagnostic(
        code(polc::agent::program_refused),
        help("what was in force stays in force\n{}", hint(log))
    )]
    ProgramRefused {
        /// Which one, in words.
        class: String,
        /// What it said.
        cause: io::Error,
        /// What its verifier said.
        log: String,
    },

    /// A generated program does not do what it must.
    #[error("the program of {class} does not reach a verdict: {cause}")]
    #[diagnostic(
        code(polc::agent::program_fails),
        help("what was in force stays in force; this is a fault of polc's")
    )]
    ProgramFails {
        /// Which one, in words.
        class: String,
        /// What happened instead.
        cause: String,
    },

    /// A bundle that cannot be used.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::bundle),
        help("nothing was changed; {}", cause.help())
    )]
    Bundle {
        /// Where it was read.
        path: PathBuf,
        /// What is wrong.
        cause: polc_bundle::BundleError,
    },

    /// A bundle that is not signed with a key that is trusted.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::untrusted),
        help(
            "nothing was changed; `polc sign` signs a bundle, and `polc-agent run --public-key` \
             says whose signatures count"
        )
    )]
    Untrusted {
        /// Where it was read.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },

    /// A file that holds no public key.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::public_key),
        help("nothing was changed; `polc keygen` and `minisign -G` make keys")
    )]
    PublicKey {
        /// Where it was read.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },

    /// An inventory that cannot be used.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(code(polc::agent::inventory), help("nothing was changed"))]
    Inventory {
        /// Where it was read.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },

    /// The inventory names an interface that the node has not got.
    #[error("the inventory's {what} has the interface `{interface}`, which does not exist here")]
    #[diagnostic(
        code(polc::agent::no_interface),
        help(
            "nothing was changed; `ip link` in the agent's network namespace shows what there is"
        )
    )]
    NoInterface {
        /// The endpoint or uplink, in words.
        what: String,
        /// The interface.
        interface: String,
    },

    /// Nothing says what the interface of an endpoint is.
    #[error(
        "endpoint `{0}` has no interface: none is said, and no address of it has a route of its own"
    )]
    #[diagnostic(
        code(polc::agent::no_route),
        help(
            "nothing was changed; say `interface`, or the annotation `polc.dev/interface` of a Pod, or \
             add the route first: `ip route add ADDRESS dev INTERFACE`"
        )
    )]
    NoRoute(String),

    /// Bundle and inventory do not fit the node's maps.
    #[error("{0}")]
    #[diagnostic(code(polc::agent::too_large), help("nothing was changed"))]
    TooLarge(String),

    /// A policy that would cut off whoever applies it.
    #[error("it would cut the session that this is said in, {session}: {decider}")]
    #[diagnostic(
        code(polc::agent::cuts_session),
        help(
            "nothing was changed; try it with `--confirm SECONDS`, after which what is in force now \
             comes back, or give `--cut-session`"
        )
    )]
    CutsSession {
        /// Which.
        session: crate::session::Session,
        /// Who denies it.
        decider: String,
    },

    /// Something else is on trial.
    #[error("what is in force is on trial for {seconds} seconds more")]
    #[diagnostic(
        code(polc::agent::on_trial),
        help("nothing was changed; wait, or say `polc-agent confirm` to keep it")
    )]
    OnTrial {
        /// Until what was before comes back.
        seconds: u64,
    },

    /// Nothing is on trial.
    #[error("nothing is on trial")]
    #[diagnostic(
        code(polc::agent::no_trial),
        help(
            "what is in force stays; `polc-agent status` shows it, and whether a trial has ended \
             is in the agent's log"
        )
    )]
    NoTrial,

    /// Flows of another version, in a form that this one does not know.
    #[error(
        "an agent of version {version} enforces here and knows {flows} flows, which this one cannot \
         read"
    )]
    #[diagnostic(
        code(polc::agent::unreadable_flows),
        help(
            "nothing was changed; start an agent that can, or this one with `--cut-connections`: \
             then their connections are cut"
        )
    )]
    UnreadableFlows {
        /// The other's.
        version: u32,
        /// How many, at both ends of connections inside the node.
        flows: u32,
    },

    /// A file that cannot be read or written.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(code(polc::agent::file))]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },

    /// A file that this user may not read or write.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::denied),
        help(
            "polc-agent and its files are root's: run it as root; and as a running agent has no \
             rights beyond its user's, root must own what it reads, or everybody be let in"
        )
    )]
    Denied {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },

    /// What is to be in force cannot be written down for the next agent.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::state),
        help(
            "what was in force stays in force; the state directory needs room for another bundle \
             and inventory"
        )
    )]
    State {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },

    /// The kernel does not do what was asked.
    #[error("{doing} failed: {cause}")]
    #[diagnostic(
        code(polc::agent::kernel),
        help("`polc-agent preflight` says which rights are missing, and what the kernel lacks")
    )]
    Kernel {
        /// What was asked.
        doing: String,
        /// What it says.
        cause: io::Error,
    },

    /// A program cannot be attached.
    #[error("attaching `{hook}` to `{interface}` failed: {cause}")]
    #[diagnostic(code(polc::agent::attach), help("what was in force stays in force"))]
    Attach {
        /// Which hook.
        hook: &'static str,
        /// Which interface.
        interface: String,
        /// What it says.
        cause: String,
    },

    /// A name that nobody has.
    #[error("nobody here is called `{name}`")]
    #[diagnostic(code(polc::agent::unknown_name), help("{help}"))]
    UnknownName {
        /// The name.
        name: String,
        /// What might have been meant.
        help: String,
    },

    /// Another agent of this name runs.
    #[error("another polc-agent uses `{}`", .0.display())]
    #[diagnostic(
        code(polc::agent::running),
        help(
            "`polc-agent apply` gives it a new bundle; another `--name` and `--state-dir` make \
              a second agent"
        )
    )]
    AlreadyRunning(PathBuf),

    /// No agent answers.
    #[error("no polc-agent answers at `{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::agent::not_running),
        help("what it applied stays in force without it; start it with `polc-agent run`")
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },

    /// A question without an answer.
    #[error("{message}")]
    #[diagnostic(code(polc::agent::no_answer), help("{help}"))]
    NoAnswer {
        /// Why there is none.
        message: String,
        /// What to ask instead.
        help: String,
    },

    /// Metrics would be there for other machines.
    #[error("metrics at {0} could be read by other machines")]
    #[diagnostic(
        code(polc::agent::metrics_address),
        help(
            "nothing was changed; use a loopback address such as 127.0.0.1:9464, or say \
             `--metrics-beyond-loopback`"
        )
    )]
    MetricsAddress(SocketAddr),

    /// An agent cannot run here.
    #[error("an agent cannot run here: {0}")]
    #[diagnostic(
        code(polc::agent::preflight),
        help("each line that says `missing` says what to do")
    )]
    Preflight(String),

    /// The address for metrics cannot be had.
    #[error("listening at {address} for metrics failed: {cause}")]
    #[diagnostic(
        code(polc::agent::listen),
        help(
            "nothing was changed; `ss -ltnp` shows who has the port, and `--metrics` takes another"
        )
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },

    /// A file of settings that cannot be used.
    #[error("`{}`{}: {message}", path.display(), at(*line))]
    #[diagnostic(code(polc::agent::settings), help("{help}"))]
    Settings {
        /// Where it was read.
        path: PathBuf,
        /// Which line, counted from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },

    /// Something that an agent cannot do without is not said.
    #[error("an agent needs {what}")]
    #[diagnostic(
        code(polc::agent::unsaid),
        help("give `--{key} FILE`, or `{key}: FILE` in the file that `--config` names")
    )]
    Unsaid {
        /// What, in words.
        what: &'static str,
        /// The setting.
        key: &'static str,
    },

    /// An agent answers and has nothing in force.
    #[error("polc-agent answers and has no policy in force")]
    #[diagnostic(
        code(polc::agent::nothing_in_force),
        help("what it says on its standard error tells why")
    )]
    NothingInForce,

    /// An error that was said already, in the form that was asked for.
    #[error("the agent has said why")]
    Said {
        /// The exit code of what was said.
        exit: u8,
    },

    /// The agent says no. It has said why.
    #[error("{message}")]
    #[diagnostic()]
    Answer {
        /// In one line.
        message: String,
        /// What to do, where the agent knows.
        #[help]
        help: Option<String>,
        /// The exit code that the agent itself would have ended with.
        exit: u8,
    },
}

impl Error {
    /// Turns what the system says into an error about what was asked of it.
    pub fn kernel(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Kernel { doing, cause }
    }

    /// As [`Self::kernel`], for files.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| match cause.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied { path, cause },
            _ => Self::File { path, cause },
        }
    }

    /// Turns what the system says into an error about a file of what is to be in force.
    pub(crate) fn state(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::State { path, cause }
    }

    /// 1: what was given is refused. 2: it could not be tried.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::ProgramRefused { .. }
            | Self::ProgramFails { .. }
            | Self::Bundle { .. }
            | Self::Untrusted { .. }
            | Self::PublicKey { .. }
            | Self::Inventory { .. }
            | Self::NoInterface { .. }
            | Self::NoRoute(_)
            | Self::NothingInForce
            | Self::UnreadableFlows { .. }
            | Self::CutsSession { .. }
            | Self::OnTrial { .. }
            | Self::NoTrial
            | Self::Settings { .. }
            | Self::Preflight(_)
            | Self::MetricsAddress(_)
            | Self::NoAnswer { .. }
            | Self::UnknownName { .. }
            | Self::TooLarge(_) => 1,
            Self::Answer { exit, .. } | Self::Said { exit } => *exit,
            _ => 2,
        }
    }
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

/// The end of the verifier's log, which is where it says what it does not like.
fn hint(log: &str) -> impl fmt::Display {
    const LINES: usize = 30;
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    if lines.is_empty() {
        "the kernel gave no log".to_owned()
    } else {
        let end = lines.get(from..).unwrap_or_default().join("\n");
        format!("the verifier's log ends:\n{end}")
    }
}
