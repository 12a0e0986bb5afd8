//! How long a change of policy takes until it is enforced, on a node with 100 endpoints and 250
//! policies; beside it a change of the inventory.
//!
//! From the file's bytes to the switch: check the bundle, compute the tables, load what changed, write
//! the state directory, store the state word. And, with an agent that runs as it does on a node, the
//! whole of `polc-agent apply`: from the start of that process to the switch, and to its end; with other
//! peers, and without.

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::{Source, StartedWith, StateDir},
    sys::mount,
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_inventory::Inventory;
use polc_model::{Direction, L4Match, L4Term, PortProtocol, PortRange};
use polc_plan::ClassKey;
use polc_testbed::{Namespace, Unmount};

use super::{
    Result,
    model::{Package, label, node},
    node::{LargeNode, POLICIES, package, package_of, role},
};
use crate::statistics::percentile;

const ENDPOINTS: usize = 100;
const PEERS: u32 = 4_096;
const CHANGES: usize = 200;

pub(super) fn run() -> Result<()> {
    if !polc_agent::datapath::is_built_in() {
        println!("  skipped: the agent was built without its datapath; run `cargo xtask build`");
        return Ok(());
    }
    let namespace = Namespace::new("bench-apply")?;
    let measured = namespace.run(|| measure().map_err(|error| error.to_string()))?;
    measured?;
    for peers in [PEERS, 0] {
        measure_command(peers)?;
    }
    Ok(())
}

/// A port of one policy as `polc-agent apply` sees it, with as many endpoints.
fn measure_command(peers: u32) -> Result<()> {
    let Some(node) = LargeNode::start("bench-command", ENDPOINTS as u32, peers)? else {
        return Ok(());
    };
    println!("  `polc-agent apply`, from the start of its process, {peers} peers elsewhere");
    let mut package = package();
    let inventory = inventory();
    node.apply(&compile(&package, &inventory)?)?;
    let (mut in_force, mut ended) = (Vec::new(), Vec::new());
    for change in 0..CHANGES {
        change_port(&mut package, change)?;
        let times = node.apply(&compile(&package, &inventory)?)?;
        let [switched, end] = times;
        in_force.push(switched);
        ended.push(end);
    }
    for (until, times) in [("in force", &mut in_force), ("ended", &mut ended)] {
        times.sort_unstable();
        println!(
            "  until {until:16} median {:.1} ms, 99th percentile {:.1} ms",
            millis(percentile(times, 50)),
            millis(percentile(times, 99)),
        );
    }
    Ok(())
}

/// The package, every other time with a policy more, somewhere among the others.
fn with_another(change: usize) -> Package {
    let mut roles: Vec<(usize, String)> = (0..POLICIES).map(|one| (one, role(one))).collect();
    if change % 2 == 1 {
        let before = change * 7 % POLICIES;
        roles.insert(before + 1, (before, format!("{}-another", role(before))));
    }
    package_of(roles)
}

/// Gives one rule another port.
pub(super) fn change_port(package: &mut Package, change: usize) -> Result<()> {
    let rule = change * 7 % package.model.rules.len();
    let port = 20_000 + u16::try_from(change)?;
    if let Some(rule) = package.model.rules.get_mut(rule) {
        rule.l4 = tcp(port);
    }
    Ok(())
}

fn measure() -> Result<()> {
    for number in 1..=ENDPOINTS {
        let name = format!("none-{number}");
        let add = ["link", "add", &name, "type", "veth"];
        if !Command::new("ip").args(add).status()?.success() {
            return Err("the endpoints' interfaces cannot be made".into());
        }
    }
    let folder = tempfile::tempdir()?;
    let bpffs = folder.path().join("bpf");
    let _mounted = Unmount::on_drop(&bpffs);
    mount::ensure_bpffs(&bpffs)?;
    // In memory, as `/run` is on most machines.
    let memory = tempfile::tempdir_in("/dev/shm")?;
    let state_dir = StateDir::new(&memory.path().join("state"));
    state_dir.create()?;
    let mut bench = Bench {
        dataplane: Dataplane::open(Pins::new(&bpffs, "bench"), Mechanism::probe())?,
        state_dir,
        before: None,
        started_with: None,
    };

    let mut package = package();
    let mut inventory = inventory();
    let bundle = compile(&package, &inventory)?;
    let yaml = serde_yaml::to_string(&inventory)?;
    let (first, all) = bench.apply(Some(bundle), Some(&yaml))?;
    println!(
        "  {POLICIES} policies, {ENDPOINTS} endpoints, {PEERS} peers elsewhere; the first time {:.1} ms, \
         {all} classes loaded",
        millis(first)
    );
    let mut times = Vec::new();
    let mut loaded = 0;
    for change in 0..CHANGES {
        change_port(&mut package, change)?;
        let bundle = compile(&package, &inventory)?;
        let (time, count) = bench.apply(Some(bundle), None)?;
        times.push(time);
        loaded += count;
    }
    print_times("a port of one policy", &mut times, loaded);
    let mut times = Vec::new();
    let mut loaded = 0;
    for change in 0..CHANGES {
        let peer = package.selector(label("app", &format!("new-{change}")));
        let rule = change * 7 % package.model.rules.len();
        if let Some(rule) = package.model.rules.get_mut(rule) {
            rule.peer = peer;
        }
        let bundle = compile(&package, &inventory)?;
        let (time, count) = bench.apply(Some(bundle), None)?;
        times.push(time);
        loaded += count;
    }
    print_times("peers of one policy", &mut times, loaded);
    // Which gives the rules of all policies behind it other numbers.
    let mut times = Vec::new();
    let mut loaded = 0;
    bench.apply(Some(compile(&with_another(0), &inventory)?), None)?;
    for change in 1..=CHANGES {
        let bundle = compile(&with_another(change), &inventory)?;
        let (time, count) = bench.apply(Some(bundle), None)?;
        times.push(time);
        loaded += count;
    }
    print_times("a policy comes or goes", &mut times, loaded);
    let mut times = Vec::new();
    let mut loaded = 0;
    for change in 0..CHANGES {
        let last = inventory.endpoints.len() - 1 - change;
        if let Some(peer) = inventory.endpoints.get_mut(last) {
            let app = format!("app-{}", change % 7);
            Arc::make_mut(peer).labels = Arc::new([("app".to_owned(), app)].into());
        }
        let yaml = serde_yaml::to_string(&inventory)?;
        let (time, count) = bench.apply(None, Some(&yaml))?;
        times.push(time);
        loaded += count;
    }
    print_times("labels of one peer", &mut times, loaded);
    Ok(())
}

fn print_times(what: &str, times: &mut [Duration], loaded: usize) {
    times.sort_unstable();
    println!(
        "  {what:22} median {:.1} ms, 99th percentile {:.1} ms, {:.1} classes loaded each time",
        millis(percentile(times, 50)),
        millis(percentile(times, 99)),
        loaded as f64 / CHANGES as f64
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

struct Bench {
    dataplane: Dataplane,
    state_dir: StateDir,
    before: Option<Candidate>,
    started_with: Option<StartedWith>,
}

impl Bench {
    /// How long it takes until what is given is in force, and how many classes are loaded for it. What is
    /// not given stays, as with `polc-agent apply`.
    fn apply(&mut self, bundle: Option<Vec<u8>>, yaml: Option<&str>) -> Result<(Duration, usize)> {
        let started = Instant::now();
        let mut switched = started;
        let path = Path::new("bench.yaml");
        let source = match (&self.before, yaml) {
            (Some(before), None) => before.source.clone(),
            _ => Source::of_text(Vec::new(), yaml.unwrap_or_default(), path)?,
        };
        let before = self.before.as_ref().map(|before| &before.source);
        let source = Source {
            bundle: match (bundle, before) {
                (None, Some(before)) => before.bundle.clone(),
                (bundle, _) => bundle.unwrap_or_default().into(),
            },
            ..source
        };
        let candidate = Candidate::after(
            self.before.as_ref(),
            source,
            &Trust::Anyone,
            [Path::new("bench.polb"), path],
            MissingInterface::Refuse,
        )?;
        let (state_dir, source) = (&self.state_dir, &candidate.source);
        let started_with = self
            .started_with
            .get_or_insert_with(|| StartedWith::of(source));
        let applied = self.dataplane.apply(&candidate, |next| {
            state_dir.save(next.epoch(), source, &candidate.hooks, started_with)?;
            switched = Instant::now();
            Ok(())
        })?;
        self.state_dir.keep_only(applied.state.epoch())?;
        self.before = Some(candidate);
        Ok((switched - started, applied.loaded))
    }
}

fn inventory() -> Inventory {
    let mut inventory = node((0..ENDPOINTS).map(role));
    inventory
        .endpoints
        .extend((0..PEERS).map(super::memory::peer).map(Arc::new));
    inventory
}

fn compile(package: &Package, inventory: &Inventory) -> Result<Vec<u8>> {
    let model = &package.model;
    let local = inventory.endpoints.iter().take(ENDPOINTS);
    let classes: Vec<ClassKey> = local
        .flat_map(|one| {
            let facts = inventory.facts(one, None);
            Direction::BOTH.map(|direction| ClassKey::of(model, direction, &facts))
        })
        .collect();
    Ok(Bundle::compile(model.clone(), classes)?.encode()?)
}

fn tcp(port: u16) -> L4Match {
    L4Match::Of(vec![L4Term::Ports {
        protocol: PortProtocol::Tcp,
        ports: PortRange::single(port),
    }])
}
