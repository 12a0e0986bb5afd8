//! A shop on a node, and an agent that one can start, kill and ask.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, SendError},
    thread,
    time::{Duration, Instant},
};

use polc_agent::{api::Status, attach::Mechanism, flows::FlowRecord};
use polc_inventory::Inventory;
use polc_testbed::{Host, Testbed, Unmount};
use tempfile::TempDir;

pub(crate) const INVENTORY: &str = r#"
node:
  name: node-1
  addresses: [10.244.0.1, "fd00:244::1"]
  uplinks: [uplink0]
endpoints:
  - name: api
    namespace: shop
    labels: { app: api }
    interface: veth-api
    addresses: [10.244.0.12, "fd00:244::12"]
  - name: db
    namespace: shop
    labels: { app: db }
    interface: veth-db
    addresses: [10.244.0.13, "fd00:244::13"]
  - name: web
    namespace: shop
    labels: { app: web }
    interface: veth-web
    addresses: [10.244.0.11, "fd00:244::11"]
"#;

/// How long a start may take: under strace, on a machine where others build, some take this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the host outside is.
pub(crate) const OUTSIDE: [&str; 2] = ["192.0.2.7", "2001:db8::7"];

pub(crate) struct Scene {
    pub(crate) testbed: Testbed,
    // Before the directory, which they are in.
    mounted: Vec<Unmount>,
    directory: TempDir,
    agent: Option<Child>,
    attach: &'static str,
    public_keys: Vec<PathBuf>,
    run_arguments: Vec<String>,
    run_under: Vec<String>,
    /// The agent to start, where it is not the one that is tested.
    run_agent: Option<PathBuf>,
}

impl Scene {
    /// Makes the shop, without an agent. `None` when this machine or this build cannot.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !can(test) {
            return None;
        }
        let outside = OUTSIDE.map(|address| address.parse().unwrap());
        Some(Self::of(test, INVENTORY, &outside))
    }

    /// Makes a node of this inventory, on a machine that can.
    fn of(test: &str, text: &str, outside: &[IpAddr]) -> Self {
        let inventory = Inventory::parse(text).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let scene = Self {
            testbed: Testbed::new(test, &inventory, outside).unwrap(),
            mounted: vec![Unmount::on_drop(&directory.path().join("bpf"))],
            directory,
            agent: None,
            attach: match Mechanism::probe() {
                Mechanism::Tcx => "tcx",
                Mechanism::Clsact => "clsact",
            },
            public_keys: Vec::new(),
            run_arguments: Vec::new(),
            run_under: Vec::new(),
            run_agent: None,
        };
        fs::write(scene.path("inventory.yaml"), text).unwrap();
        scene
    }

    /// As [`Self::new`], for another inventory, without anybody outside.
    pub(crate) fn alone(test: &str, inventory: &str) -> Option<Self> {
        can(test).then(|| Self::of(test, inventory, &[]))
    }

    /// As [`Self::new`], with an agent that enforces `bundle`.
    pub(crate) fn enforcing(test: &str, bundle: &[u8]) -> Option<Self> {
        let mut scene = Self::new(test)?;
        scene.write("start.polb", bundle);
        scene.start();
        Some(scene)
    }

    /// As [`Self::enforcing`], and everything goes through the node's stack.
    pub(crate) fn routing(test: &str, bundle: &[u8]) -> Option<Self> {
        let mut scene = Self::new(test)?;
        scene.run_with(&["--delivery", "routed"]);
        scene.write("start.polb", bundle);
        scene.start();
        Some(scene)
    }

    /// As [`Self::enforcing`], with clsact filters, as before Linux 6.6.
    pub(crate) fn enforcing_with_clsact(test: &str, bundle: &[u8]) -> Option<Self> {
        let mut scene = Self::new(test)?;
        scene.attach = "clsact";
        scene.write("start.polb", bundle);
        scene.start();
        Some(scene)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Makes the state directory a disk of this size, in words of tmpfs.
    pub(crate) fn limit_state(&mut self, size: &str) {
        let state = self.path("state");
        fs::create_dir(&state).unwrap();
        self.mounted.push(Unmount::on_drop(&state));
        let size = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "polc-test"])
            .arg(&state)
            .status();
        assert!(mount.unwrap().success());
    }

    /// Whose signatures the next agent asks for: files with public keys.
    pub(crate) fn trust(&mut self, public_keys: &[PathBuf]) {
        self.public_keys = public_keys.to_vec();
    }

    /// As [`Self::enforcing`], with tables for so many settled flows.
    pub(crate) fn enforcing_for(test: &str, bundle: &[u8], flows: u32) -> Option<Self> {
        let mut scene = Self::new(test)?;
        scene.run_with(&["--flows", &flows.to_string()]);
        scene.write("start.polb", bundle);
        scene.start();
        Some(scene)
    }

    /// What the next agent is started with, besides.
    pub(crate) fn run_with(&mut self, arguments: &[&str]) {
        self.run_arguments = arguments.iter().map(|&one| one.to_owned()).collect();
    }

    /// The command that starts the next agent: what it becomes, and its arguments.
    pub(crate) fn run_under(&mut self, words: &[&str]) {
        self.run_under = words.iter().map(|&one| one.to_owned()).collect();
    }

    /// Which agent is started next and asked from then on; `None` for the one that is tested.
    pub(crate) fn run_agent(&mut self, path: Option<PathBuf>) {
        self.run_agent = path;
    }

    pub(crate) fn pod(&self, name: &str) -> &Host {
        self.testbed.pod(&format!("shop/{name}")).unwrap()
    }

    /// Starts the agent and waits until it enforces. Returns what it said first.
    pub(crate) fn start(&mut self) -> String {
        let (said, enforces) = self.try_start();
        assert!(enforces, "the agent said: {said}");
        said
    }

    /// Starts an agent that may end before it enforces. Returns what it said first, and whether it
    /// enforces.
    pub(crate) fn try_start(&mut self) -> (String, bool) {
        let mut command = self.run_command();
        command.stderr(Stdio::piped());
        let mut child = self.testbed.in_node(|| command.spawn()).unwrap().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.agent = Some(child);
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens any more once the agent enforces.
                if let Err(SendError(line)) = send.send(line) {
                    eprintln!("{line}");
                }
            }
        });
        let mut said = String::new();
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = receive.recv_timeout(deadline.duration_since(Instant::now())) {
            said.push_str(&line);
            said.push('\n');
            if line.contains("bundle") {
                break;
            }
        }
        let socket = self.path("state/agent.sock");
        while !socket.exists() && !self.has_ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        (said, socket.exists())
    }

    /// Tries to start another agent with the same files, which is expected to end by itself, and
    /// returns what came of it. One that goes on is killed.
    pub(crate) fn run_again(&self) -> Output {
        let mut command = self.run_command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.testbed.in_node(|| command.spawn()).unwrap().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        child.wait_with_output().unwrap()
    }

    /// Ends the agent with SIGTERM. Returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.agent.as_ref().unwrap().id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(status.success());
        self.wait()
    }

    /// The running agent.
    pub(crate) fn pid(&self) -> u32 {
        self.agent.as_ref().unwrap().id()
    }

    /// Whether the agent has ended by itself. [`Self::kill`] tidies up then.
    pub(crate) fn has_ended(&mut self) -> bool {
        let agent = self.agent.as_mut().unwrap();
        agent.try_wait().unwrap().is_some()
    }

    /// Waits for the agent's end. Returns its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.agent.take().unwrap().wait().unwrap().code()
    }

    /// Kills the agent as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.agent.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // So that `start` can tell the next agent's socket from this one's.
        let _ = fs::remove_file(self.path("state/agent.sock"));
    }

    /// Runs a subcommand to its end.
    pub(crate) fn ask(&self, subcommand: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(subcommand);
        command.args(arguments);
        self.testbed.in_node(|| command.output()).unwrap().unwrap()
    }

    /// As [`Self::ask`], for a subcommand of a subcommand.
    pub(crate) fn ask_part(&self, subcommand: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_polc-agent"));
        command.arg(subcommand).args(arguments);
        command.arg("--state-dir").arg(self.path("state"));
        self.testbed.in_node(|| command.output()).unwrap().unwrap()
    }

    /// Starts a subcommand whose lines one can read.
    pub(crate) fn follow(&self, subcommand: &str, arguments: &[&str]) -> Child {
        let mut command = self.command(subcommand);
        command.args(arguments).stdout(Stdio::piped());
        self.testbed.in_node(|| command.spawn()).unwrap().unwrap()
    }

    /// Starts a subcommand whose output is ours to read.
    pub(crate) fn start_asking(&self, subcommand: &str) -> Child {
        let mut command = self.command(subcommand);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.testbed.in_node(|| command.spawn()).unwrap().unwrap()
    }

    /// Applies a bundle that must be accepted.
    pub(crate) fn apply(&self, bundle: &[u8]) {
        let path = self.write("next.polb", bundle);
        let output = self.ask("apply", &["--bundle", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Applies a bundle and an inventory that must be accepted.
    pub(crate) fn apply_with(&self, bundle: &[u8], inventory: &str) {
        let bundle = self.write("next.polb", bundle);
        let inventory = self.write("next.yaml", inventory.as_bytes());
        let arguments = [
            "--bundle",
            bundle.to_str().unwrap(),
            "--inventory",
            inventory.to_str().unwrap(),
        ];
        let output = self.ask("apply", &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    pub(crate) fn status(&self) -> Status {
        let output = self.ask("status", &["--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Drops for a reason so far.
    pub(crate) fn drops(&self, reason: &str) -> u64 {
        self.status()
            .drops
            .iter()
            .find(|count| count.name == reason)
            .map_or(0, |count| count.packets)
    }

    /// The latest records, oldest first, once the agent has read what there is.
    pub(crate) fn flows(&self) -> Vec<FlowRecord> {
        thread::sleep(Duration::from_millis(50));
        let output = self.ask("flows", &["--json", "--last", "1000"]);
        text(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn run_command(&self) -> Command {
        let mut command = self.command("run");
        command
            .arg("--bundle")
            .arg(self.path("start.polb"))
            .arg("--inventory")
            .arg(self.path("inventory.yaml"));
        for key in &self.public_keys {
            command.arg("--public-key").arg(key);
        }
        command.args(&self.run_arguments);
        command
    }

    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let tested = Path::new(env!("CARGO_BIN_EXE_polc-agent"));
        let agent = self.run_agent.as_deref().unwrap_or(tested);
        let mut command = match self.run_under.split_first() {
            Some((first, rest)) if subcommand == "run" => {
                let mut command = Command::new(first);
                command.args(rest).arg(agent);
                command
            }
            _ => Command::new(agent),
        };
        command.arg(subcommand);
        if subcommand != "preflight" {
            command.arg("--state-dir").arg(self.path("state"));
        }
        if matches!(subcommand, "run" | "detach" | "preflight") {
            command.arg("--bpffs").arg(self.path("bpf"));
        }
        if subcommand == "run" {
            command.args(["--attach", self.attach]);
        }
        command
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

/// Whether this machine and this build can run a node. Says why not.
fn can(test: &str) -> bool {
    if !polc_testbed::require_root_and_bpf(test) {
        return false;
    }
    let is_built_in = polc_agent::datapath::is_built_in();
    if !is_built_in {
        eprintln!("skipped: {test}: the agent was built without its datapath");
    }
    is_built_in
}

/// What an error says, however its lines are broken.
pub(crate) fn words_of(bytes: &[u8]) -> String {
    let said = text(bytes);
    let words = said.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
