//! A large node with a real agent: interfaces, a package, a directory with a file for each pod, and
//! `polc-agent run` as a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use polc_abi::map;
use polc_agent::{api::Status, pins::Pins, sys::state_word::StateWord};
use polc_bundle::Bundle;
use polc_testbed::{Namespace, Unmount};
use tempfile::TempDir;

use super::{
    Result,
    model::{Package, label},
};

/// The policies of the package: for 250 roles, each about four of 64 apps.
pub(super) const POLICIES: usize = 250;
/// Apps of the pods.
const APPS: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(300);

/// A node, its inventory and its agent.
pub(super) struct LargeNode {
    agent: Child,
    binary: PathBuf,
    inventory: PathBuf,
    started: Duration,
    // In the order in which they must go.
    _mounted: Unmount,
    folder: TempDir,
    memory: TempDir,
    namespace: Namespace,
}

impl LargeNode {
    /// Starts an agent for so many endpoints here and peers elsewhere. `None` where there is no agent to
    /// start.
    pub(super) fn start(name: &str, endpoints: u32, peers: u32) -> Result<Option<Self>> {
        let Some(binary) = std::env::var_os("POLC_AGENT").map(PathBuf::from) else {
            println!("  skipped: `POLC_AGENT` does not say which agent; run `cargo xtask bench`");
            return Ok(None);
        };
        let namespace = Namespace::new(name)?;
        let links: String = (0..endpoints)
            .map(|number| format!("link add pod-{number} up type veth peer name end-{number}\n"))
            .collect();
        let folder = tempfile::tempdir()?;
        // In memory, as `/run` is on most machines.
        let memory = tempfile::tempdir_in("/dev/shm")?;
        let commands = folder.path().join("links");
        fs::write(&commands, links)?;
        let made = namespace.run(|| Command::new("ip").arg("-batch").arg(&commands).status())??;
        if !made.success() {
            return Err("the endpoints' interfaces cannot be made".into());
        }
        let inventory = memory.path().join("inventory");
        fs::create_dir(&inventory)?;
        fs::write(inventory.join("node.yaml"), "node: { name: bench }\n")?;
        for number in 0..endpoints {
            let (name, text) = endpoint(number);
            fs::write(inventory.join(name), text)?;
        }
        for number in 0..peers {
            let (name, text) = peer(number, number % APPS);
            fs::write(inventory.join(name), text)?;
        }
        let bundle = folder.path().join("bench.polb");
        fs::write(&bundle, Bundle::compile(package().model, [])?.encode()?)?;
        let bpffs = folder.path().join("bpf");
        let mut run = Command::new(&binary);
        run.args(["run", "--follow-inventory", "--log-level", "warn"])
            .args(["--flows", "4096", "--bundle"])
            .arg(&bundle)
            .arg("--inventory")
            .arg(&inventory)
            .arg("--bpffs")
            .arg(&bpffs)
            .arg("--state-dir")
            .arg(memory.path().join("state"))
            .stdin(Stdio::null());
        let begin = Instant::now();
        let agent = namespace.run(|| run.spawn())??;
        let mut node = Self {
            agent,
            binary,
            inventory,
            started: Duration::ZERO,
            _mounted: Unmount::on_drop(&bpffs),
            folder,
            memory,
            namespace,
        };
        node.wait()?;
        node.started = begin.elapsed();
        Ok(Some(node))
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.memory.path().join("state/agent.sock").exists() {
            if self.agent.try_wait()?.is_some() || Instant::now() > deadline {
                return Err("the agent does not start".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Has a bundle applied. How long from the start of `polc-agent apply` until the bundle is in force,
    /// and until the command ends.
    pub(super) fn apply(&self, bundle: &[u8]) -> Result<[Duration; 2]> {
        let path = self.memory.path().join("next.polb");
        fs::write(&path, bundle)?;
        let mut command = Command::new(&self.binary);
        command.args(["apply", "--bundle"]).arg(&path);
        command
            .arg("--state-dir")
            .arg(self.memory.path().join("state"));
        command.stdout(Stdio::null());
        let pins = Pins::new(&self.folder.path().join("bpf"), "default");
        let state = StateWord::open(&pins.map(map::STATE))?;
        let before = state.load();
        let begin = Instant::now();
        let mut running = command.spawn()?;
        while state.load() == before && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_micros(50));
        }
        let in_force = begin.elapsed();
        if !running.wait()?.success() {
            return Err("a bundle was not applied".into());
        }
        Ok([in_force, begin.elapsed()])
    }

    /// How long it took to start.
    pub(super) const fn started(&self) -> Duration {
        self.started
    }

    /// Writes a file of the inventory as a careful writer does.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let unfinished = self.inventory.join(format!(".{name}"));
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, self.inventory.join(name))?;
        Ok(())
    }

    /// Removes a file of the inventory, if it is there.
    pub(super) fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.inventory.join(name));
    }

    /// What a subcommand prints.
    pub(super) fn ask(&self, subcommand: &str) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.binary);
        command
            .args([subcommand, "--json", "--state-dir"])
            .arg(self.memory.path().join("state"));
        let output: Output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(output.stdout)
    }

    pub(super) fn status(&self) -> Result<Status> {
        Ok(serde_json::from_slice(&self.ask("status")?)?)
    }

    /// Kibibytes that the agent has in memory, by what `/proc/PID/smaps_rollup` calls them.
    pub(super) fn memory(&self, what: &str) -> Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.agent.id());
        let text = fs::read_to_string(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|line| line.trim_start_matches(':').trim().strip_suffix("kB"));
        Ok(kib.ok_or("no such line")?.trim().parse()?)
    }
}

impl Drop for LargeNode {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
        // Links are pinned in the folder's file system, and go with it.
        let _: (&Path, &Namespace) = (self.folder.path(), &self.namespace);
    }
}

/// A pod here: file and text.
fn endpoint(number: u32) -> (String, String) {
    let text = format!(
        "endpoints: [{{ name: local-{number}, namespace: shop, labels: {{ role: {}, app: app-{} }}, \
         interface: pod-{number}, addresses: [192.168.{}.{}] }}]\n",
        role(number as usize % POLICIES),
        number % APPS,
        number / 200,
        number % 200 + 1
    );
    (format!("local-{number}.yaml"), text)
}

/// A pod elsewhere with an app: file and text.
pub(super) fn peer(number: u32, app: u32) -> (String, String) {
    let address = std::net::Ipv4Addr::from_bits((10 << 24) + number);
    let text = format!(
        "endpoints: [{{ name: {}, namespace: shop, labels: {{ app: app-{app}, \
         pod-template-hash: {:08x} }}, addresses: [{address}] }}]\n",
        peer_name(number),
        number % APPS * 7_919
    );
    (format!("{}.yaml", peer_name(number)), text)
}

pub(super) fn peer_name(number: u32) -> String {
    format!("peer-{number}")
}

/// Whether a rule of the package is about an app.
pub(super) const fn is_asked_about(app: u32) -> bool {
    app < 64
}

/// Policies for roles, each of which lets a few apps in.
pub(super) fn package() -> Package {
    package_of((0..POLICIES).map(|number| (number, role(number))))
}

/// As [`package`], for these roles, in order of name; which apps are let in, the numbers say.
pub(super) fn package_of(roles: impl IntoIterator<Item = (usize, String)>) -> Package {
    let mut package = Package::new();
    let apps: Vec<_> = (0..64)
        .map(|app| package.selector(label("app", &format!("app-{app}"))))
        .collect();
    for (number, role) in roles {
        package.policy(&role);
        for rule in 0..4 {
            if let Some(&app) = apps.get((number * 3 + rule * 5) % apps.len()) {
                package.allow(app, [8_000 + rule as u16]);
            }
        }
    }
    package
}

/// The label of the endpoints that a policy is for.
pub(super) fn role(number: usize) -> String {
    format!("role-{number:03}")
}
