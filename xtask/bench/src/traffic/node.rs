//! A node with a client and a server, under one form of the policy.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use polc_inventory::Inventory;
use polc_testbed::{Host, Testbed, Unmount, take_cpu};
use tempfile::TempDir;

use super::{
    AGENT,
    load::Load,
    rules::{self, Enforcement, SERVER},
};
use crate::kernel::Result;

/// How long an agent may take until it enforces.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Node {
    enforcement: Enforcement,
    listener: TcpListener,
    /// A port that no rule is about.
    closed: TcpListener,
    // Before the folder that is mounted on, and before the node that it runs on.
    _agent: Option<Agent>,
    _mounted: Unmount,
    _folder: TempDir,
    testbed: Testbed,
    client: String,
}

/// A running agent; ends when dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Node {
    pub(super) fn new(enforcement: Enforcement, size: usize) -> Result<Self> {
        let text = rules::inventory(size);
        let name = format!("traffic-{size}-{}", enforcement as u8);
        let testbed = Testbed::new(&name, &Inventory::parse(&text)?, &[])?;
        let folder = tempfile::tempdir()?;
        let mounted = Unmount::on_drop(&folder.path().join("bpf"));
        let agent = match enforcement {
            Enforcement::Nothing => None,
            Enforcement::Polc => Some(start_agent(&testbed, &folder, size, "local")?),
            Enforcement::PolcRouted => Some(start_agent(&testbed, &folder, size, "routed")?),
            Enforcement::Nftables | Enforcement::NftablesSet => {
                let rules = rules::nftables(size, enforcement);
                feed(&testbed, "nft", &["-f", "-"], &rules)?;
                None
            }
            Enforcement::Iptables => {
                feed(
                    &testbed,
                    "iptables-legacy-restore",
                    &[],
                    &rules::iptables(size),
                )?;
                None
            }
        };
        let port = rules::client_port(size);
        let listen = |port: u16| {
            testbed
                .pod("server")?
                .run(|| TcpListener::bind((SERVER, port)))
        };
        Ok(Self {
            enforcement,
            listener: listen(port)??,
            closed: listen(7_999)??,
            client: format!("peer-{}", size / 2),
            _agent: agent,
            _mounted: mounted,
            _folder: folder,
            testbed,
        })
    }

    /// Makes sure that the policy is in force: what no rule allows does not arrive.
    pub(super) fn check(&self) -> Result<()> {
        let client = self.client()?;
        let try_to = |address: SocketAddr| {
            let wait = Duration::from_millis(200);
            client.run(|| TcpStream::connect_timeout(&address, wait).is_ok())
        };
        let denied = self.closed.local_addr()?;
        let expected = [true, self.enforcement == Enforcement::Nothing];
        let found = [try_to(self.listener.local_addr()?)?, try_to(denied)?];
        // Those are nobody's work.
        for listener in [&self.listener, &self.closed] {
            listener.set_nonblocking(true)?;
            while listener.accept().is_ok() {}
            listener.set_nonblocking(false)?;
        }
        if found == expected {
            return Ok(());
        }
        Err(format!("{} enforces something else", self.enforcement.name()).into())
    }

    /// How much the load did a second.
    pub(super) fn run(&self, load: Load, time: Duration) -> Result<f64> {
        let address = self.listener.local_addr()?;
        let (client, server) = (self.client()?, self.testbed.pod("server")?);
        let cpu = thread::available_parallelism()?.get() - 1;
        let (served, asked) = thread::scope(|scope| {
            let serving = scope
                .spawn(|| server.run(|| take_cpu(cpu).and_then(|()| load.serve(&self.listener))));
            let asked = client.run(|| take_cpu(cpu).and_then(|()| load.ask(address, time)));
            let served = serving
                .join()
                .unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
            (served, asked)
        });
        let (served, (asked, elapsed)) = (served??, asked??);
        let done = if load == Load::Stream { served } else { asked };
        Ok(done as f64 / elapsed.as_secs_f64())
    }

    fn client(&self) -> Result<&Host> {
        Ok(self.testbed.pod(&self.client)?)
    }
}

/// Starts an agent on the node and waits until it enforces.
fn start_agent(testbed: &Testbed, folder: &TempDir, size: usize, delivery: &str) -> Result<Agent> {
    let path = |name: &str| folder.path().join(name);
    fs::write(path("bench.polb"), rules::bundle(size)?)?;
    fs::write(path("inventory.yaml"), rules::inventory(size))?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([AGENT, "run", "--delivery", delivery, "--log-level", "error"])
        .arg("--bundle")
        .arg(path("bench.polb"))
        .arg("--inventory")
        .arg(path("inventory.yaml"))
        .arg("--state-dir")
        .arg(path("state"))
        .arg("--bpffs")
        .arg(path("bpf"));
    let agent = Agent(testbed.in_node(|| command.spawn())??);
    let deadline = Instant::now() + PATIENCE;
    while !path("state/agent.sock").exists() {
        if Instant::now() > deadline {
            return Err("the agent does not enforce".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(agent)
}

/// Gives rules to a command that reads them.
fn feed(testbed: &Testbed, command: &str, arguments: &[&str], rules: &str) -> Result<()> {
    let spawn = || {
        Command::new(command)
            .args(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = testbed
        .in_node(spawn)?
        .map_err(|error| format!("`{command}`: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(rules.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("`{command}`: {}", said.trim()).into())
}
