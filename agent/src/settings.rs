//! What an agent is started with: flags, a file, and what holds without either.
//!
//! The file is YAML. Its keys are the flags' names with `_` for `-`; flags win over it. Paths in it
//! are relative to its folder.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;

use crate::{
    Error,
    attach::Mechanism,
    datapath::FlowCapacity,
    delivery::Delivery,
    logging::{Format, Level},
    names::closest,
};

/// What an agent is started with. `None` where it is not said.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The bundle to start with
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// What runs on this node and elsewhere; of a directory, what its `*.yaml` files say together
    #[arg(long, value_name = "PATH")]
    pub inventory: Option<PathBuf>,
    /// This node's name, where the inventory is Kubernetes objects [default: the host's name, as of
    /// kubelet]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Put changes of the inventory in force as they are written
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub follow_inventory: Option<bool>,
    /// Take only bundles with a signature of this key, `BUNDLE.minisig` beside each; given several
    /// times, of one of them. A list in the file
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<Vec<PathBuf>>,
    /// Answer `GET /metrics`, for Prometheus, and `GET /healthz` at this address and port
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Let the address of `--metrics` be one that other machines reach
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub metrics_beyond_loopback: Option<bool>,
    /// Where the agent keeps its socket and what is in force [default: /run/polc]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where the BPF file system is mounted, or shall be [default: /sys/fs/bpf]
    #[arg(long, value_name = "DIR")]
    pub bpffs: Option<PathBuf>,
    /// The agent's name, for several on one kernel [default: default]
    #[arg(long)]
    pub name: Option<String>,
    /// How to attach programs; the best that the kernel has, unless said otherwise
    #[arg(long, value_enum)]
    pub attach: Option<Mechanism>,
    /// How to deliver packets that may pass [default: local]
    #[arg(long, value_enum)]
    pub delivery: Option<Delivery>,
    /// How many flows the node keeps that both ends have agreed to, and a quarter as many others
    /// [default: 262144]. Counts when the tables are made: at the first start, or after `detach`
    #[arg(long, value_name = "N")]
    pub flows: Option<FlowCapacity>,
    /// Start even where that cuts connections: those that an agent of another version knows of, in a
    /// form that this one cannot read
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub cut_connections: Option<bool>,
    /// How to write what the agent says on its standard error [default: text]
    #[arg(long, value_enum)]
    pub log_format: Option<Format>,
    /// How much the agent says [default: info]
    #[arg(long, value_enum)]
    pub log_level: Option<Level>,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or it holds something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let mut settings = Self::parse(&text).map_err(|fault| Error::Settings {
            path: path.to_owned(),
            line: fault.line,
            message: fault.message,
            help: fault.help,
        })?;
        settings.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(settings)
    }

    /// These, and what `other` says where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            bundle: self.bundle.or(other.bundle),
            inventory: self.inventory.or(other.inventory),
            node: self.node.or(other.node),
            follow_inventory: self.follow_inventory.or(other.follow_inventory),
            public_key: self.public_key.or(other.public_key),
            metrics: self.metrics.or(other.metrics),
            metrics_beyond_loopback: self
                .metrics_beyond_loopback
                .or(other.metrics_beyond_loopback),
            state_dir: self.state_dir.or(other.state_dir),
            bpffs: self.bpffs.or(other.bpffs),
            name: self.name.or(other.name),
            attach: self.attach.or(other.attach),
            delivery: self.delivery.or(other.delivery),
            flows: self.flows.or(other.flows),
            cut_connections: self.cut_connections.or(other.cut_connections),
            log_format: self.log_format.or(other.log_format),
            log_level: self.log_level.or(other.log_level),
        }
    }

    /// Takes paths as relative to a folder.
    fn resolve(&mut self, folder: &Path) {
        let keys = self.public_key.iter_mut().flatten();
        let single = [
            &mut self.bundle,
            &mut self.inventory,
            &mut self.state_dir,
            &mut self.bpffs,
        ];
        for path in single.into_iter().flatten().chain(keys) {
            *path = folder.join(&*path);
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        // Nothing but comments is no mapping, and says nothing.
        if let Ok(serde_yaml::Value::Null) = serde_yaml::from_str(text) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|cause| Fault::of(&cause, text))
    }

    /// The keys of a file: the flags.
    fn keys() -> Vec<String> {
        let flags = Self::augment_args(clap::Command::new("run"));
        flags
            .get_arguments()
            .map(|flag| flag.get_id().to_string())
            .collect()
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Counted from 1; `None` where it is the file as a whole.
    line: Option<usize>,
    message: String,
    help: String,
}

impl Fault {
    fn of(cause: &serde_yaml::Error, text: &str) -> Self {
        if let Some(fault) = Self::unknown_key(text) {
            return fault;
        }
        let message = cause.to_string();
        let location = cause.location();
        // The parser puts the place at the end of its message, too.
        let place = location
            .as_ref()
            .map(|at| format!(" at line {} column {}", at.line(), at.column()));
        let message = place
            .and_then(|place| message.strip_suffix(&place).map(str::to_owned))
            .unwrap_or(message);
        Self {
            line: location.map(|at| at.line()),
            message,
            help: format!(
                "nothing was changed; keys are {}",
                Settings::keys().join(", ")
            ),
        }
    }

    /// The first key that no flag has the name of.
    fn unknown_key(text: &str) -> Option<Self> {
        let mapping: serde_yaml::Mapping = serde_yaml::from_str(text).ok()?;
        let known = Settings::keys();
        let is_known = |key: &str| known.iter().any(|one| one == key);
        let mut keys = mapping.keys().filter_map(serde_yaml::Value::as_str);
        let key = keys.find(|key| !is_known(key))?;
        let writes_it = |line: &str| {
            let line = line.trim_start_matches(['"', '\'']);
            let rest = line.strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        let dashes = key.replace('-', "_");
        let near = if is_known(&dashes) {
            Some(dashes.as_str())
        } else {
            closest(key, known.iter().map(String::as_str))
        };
        Some(Self {
            line: text.lines().position(writes_it).map(|line| line + 1),
            message: format!("there is no setting `{key}`"),
            help: match near {
                Some(near) => format!("nothing was changed; did you mean `{near}`?"),
                None => format!("nothing was changed; keys are {}", known.join(", ")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_a_key() {
        let text = "bundle: a.polb\n\
                    inventory: i.yaml\n\
                    node: n\n\
                    follow_inventory: true\n\
                    public_key: [k.pub]\n\
                    metrics: 127.0.0.1:9464\n\
                    metrics_beyond_loopback: false\n\
                    state_dir: s\n\
                    bpffs: b\n\
                    name: n\n\
                    attach: clsact\n\
                    delivery: routed\n\
                    flows: 4096\n\
                    cut_connections: false\n\
                    log_format: json\n\
                    log_level: debug\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.log_level, Some(Level::Debug));
        assert_eq!(settings.attach, Some(Mechanism::Clsact));
        let written: Vec<&str> = text
            .lines()
            .filter_map(|one| one.split(':').next())
            .collect();
        assert_eq!(written, Settings::keys());
        assert_eq!(settings.delivery, Some(Delivery::Routed));
        // None is lost on the way to the agent.
        assert_eq!(Settings::default().or(settings.clone()), settings);
    }

    #[test]
    fn flags_win() {
        let flags = Settings {
            name: Some("flag".to_owned()),
            ..Settings::default()
        };
        let file = Settings::parse("name: file\nbundle: file.polb").unwrap();
        let both = flags.or(file);
        assert_eq!(both.name.as_deref(), Some("flag"));
        assert_eq!(both.bundle, Some(PathBuf::from("file.polb")));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.yaml");
        std::fs::write(&path, "bundle: a.polb\npublic_key: [k.pub, /etc/k.pub]\n").unwrap();
        let settings = Settings::read(&path).unwrap();
        assert_eq!(settings.bundle, Some(directory.path().join("a.polb")));
        let keys = [directory.path().join("k.pub"), PathBuf::from("/etc/k.pub")];
        assert_eq!(settings.public_key.as_deref(), Some(&keys[..]));
    }

    #[test]
    fn faults_say_where_and_what_was_meant() {
        let fault = |text: &str| Settings::parse(text).unwrap_err();
        let unknown = fault("# mine\nbundle: a\n\nbundel: b\n");
        assert_eq!(unknown.line, Some(4));
        assert_eq!(unknown.message, "there is no setting `bundel`");
        assert!(unknown.help.ends_with("did you mean `bundle`?"));
        assert!(
            fault("state-dir: x")
                .help
                .ends_with("did you mean `state_dir`?")
        );
        assert!(
            fault("frobnicate: 1")
                .help
                .contains("keys are bundle, inventory")
        );

        let wrong = fault("bundle: a\nmetrics: here\n");
        assert_eq!(wrong.line, Some(2), "{wrong:?}");
        let wrong = fault("name: a\nattach: glue\n");
        assert_eq!(wrong.line, Some(2), "{wrong:?}");
        assert!(wrong.message.contains("glue"), "{wrong:?}");
        let wrong = fault("name: a\nflows: 1023\n");
        assert!(wrong.message.contains("1024 to 16777216"), "{wrong:?}");
        assert!(fault("name: a\nname: b\n").message.contains("duplicate"));
        assert!(Settings::parse("- a list").is_err());
        assert_eq!(Settings::parse("# nothing\n"), Ok(Settings::default()));
    }
}
