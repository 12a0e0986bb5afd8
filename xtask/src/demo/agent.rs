//! The agent: started in the node's namespace, listened to, and taken down.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::node::{Node, system};
use crate::{
    build,
    run::{self, Error, Result, error, say, succeeds},
};

/// How long the agent may take to put the bundle in force.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent. Detached and ended when dropped.
pub(crate) struct Agent {
    child: Child,
    state_dir: PathBuf,
}

/// The flows that the agent has reported so far.
#[derive(Clone, Default)]
pub(crate) struct Flows(Arc<Mutex<Vec<Flow>>>);

/// What we need of a record of `polc-agent flows --json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Flow {
    pub(crate) verdict: String,
    pub(crate) direction: String,
    pub(crate) reason: Option<String>,
    pub(crate) source: Party,
    pub(crate) destination: Party,
    pub(crate) protocol: String,
    pub(crate) decider: Option<Decider>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Party {
    pub(crate) address: std::net::IpAddr,
    pub(crate) port: Option<u16>,
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Decider {
    pub(crate) kind: String,
    pub(crate) policy: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) text: Option<String>,
}

impl Agent {
    pub(crate) fn start(
        node: &Node,
        bundle: &Path,
        inventory: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let state_dir = folder.join("state");
        // What a demo that was killed left pinned.
        let _ = run::output(build::binary("polc-agent")?.args(detach(&state_dir)));
        let mut command = build::binary("polc-agent")?;
        command
            .args(["run", "--name", "demo", "--state-dir"])
            .arg(&state_dir);
        command
            .arg("--bundle")
            .arg(bundle)
            .arg("--inventory")
            .arg(inventory);
        let child = node
            .namespace()
            .run(|| command.spawn())
            .map_err(system)?
            .map_err(|cause| Error(format!("cannot start `polc-agent`: {cause}")))?;
        let mut agent = Self { child, state_dir };
        agent.wait()?;
        Ok(agent)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return error(format!("`polc-agent run` ended: {status}"));
            }
            let mut status = build::binary("polc-agent")?;
            if succeeds(status.args(["status", "--state-dir"]).arg(&self.state_dir)) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        error("the agent did not get ready in time")
    }

    /// Collects what the agent reports. It remembers what it reported before we listen.
    pub(crate) fn follow(&self) -> Result<Flows> {
        let mut command = build::binary("polc-agent")?;
        command.args([
            "flows",
            "--follow",
            "--json",
            "--last",
            "1000",
            "--state-dir",
        ]);
        let mut child = command
            .arg(&self.state_dir)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| Error(format!("cannot run `polc-agent flows`: {cause}")))?;
        let flows = Flows::default();
        let sink = flows.clone();
        if let Some(lines) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(lines).lines().map_while(std::io::Result::ok) {
                    if let Ok(flow) = serde_json::from_str(&line) {
                        sink.0
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(flow);
                    }
                }
                // The agent has hung up.
                let _ = child.wait();
            });
        }
        Ok(flows)
    }

    pub(crate) fn say_how_to_play(&self, node: &Node) {
        let agent = "target/debug/polc-agent";
        let state = self.state_dir.display();
        say("everything is left running until Ctrl-C; in another terminal, as root:");
        eprintln!("  {agent} flows --follow --state-dir {state}");
        eprintln!("  {agent} status --state-dir {state}");
        eprintln!(
            "  nsenter --net=/run/netns/{} ip route",
            node.namespace().name()
        );
        if let Some((name, pod)) = node.a_pod() {
            eprintln!(
                "  nsenter --net=/run/netns/{} bash   # in pod {name}",
                pod.name()
            );
        }
    }
}

fn detach(state_dir: &Path) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = ["detach", "--name", "demo", "--state-dir"]
        .map(Into::into)
        .to_vec();
    arguments.push(state_dir.into());
    arguments
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Ok(mut command) = build::binary("polc-agent")
            && let Err(cause) = run::output(command.args(detach(&self.state_dir)))
        {
            eprintln!("error: the agent left something behind: {cause}");
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Flows {
    /// Records that match, once there are `wanted` of them or nothing more is to be expected.
    pub(crate) fn wait_for(&self, wanted: usize, matches: impl Fn(&Flow) -> bool) -> Vec<Flow> {
        let deadline = Instant::now() + Duration::from_millis(500);
        loop {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let found: Vec<Flow> = all.iter().filter(|flow| matches(flow)).cloned().collect();
            if found.len() >= wanted || Instant::now() > deadline {
                // The next trial may have the same addresses.
                all.clear();
                return found;
            }
            drop(all);
            thread::sleep(Duration::from_millis(5));
        }
    }
}
