//! What a node keeps in the kernel for 100 endpoints, 16,384 peers and 50 ports, beside one entry
//! for each of their combinations.

use std::{collections::BTreeSet, fs, os::fd::AsRawFd as _, path::Path, sync::Arc};

use aya::{maps::MapInfo, programs::loaded_programs};
use polc_abi::map;
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{map::Map, mount},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_inventory::{Endpoint, Inventory};
use polc_model::Labels;
use polc_testbed::Unmount;

use super::{
    Result,
    model::{Package, label, node},
};

const ENDPOINTS: u32 = 100;
const PEERS: u32 = 16_384;
const PORTS: u16 = 50;
/// Of an entry for a combination, at the least: key, value, and the node of the table around them.
const ENTRY_BYTES: [u64; 2] = [24, 72];

pub(super) fn run() -> Result<()> {
    if !polc_agent::datapath::is_built_in() {
        println!("  skipped: the agent was built without its datapath; run `cargo xtask build`");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let bpffs = folder.path().join("bpf");
    let _mounted = Unmount::on_drop(&bpffs);
    mount::ensure_bpffs(&bpffs)?;
    let pins = Pins::new(&bpffs, "bench");
    let mut dataplane = Dataplane::open(pins.clone(), Mechanism::probe())?;
    let before = usage(&pins)?;
    dataplane.apply(&candidate()?, |_| Ok(()))?;
    let after = usage(&pins)?;
    print_rows(&before, &after);
    drop(dataplane);
    Ok(())
}

/// Every endpoint has a policy of its own, which lets some peers reach each of the ports.
fn candidate() -> Result<Candidate> {
    let role = |number: u32| format!("role-{number:03}");
    let mut package = Package::new();
    for number in 0..ENDPOINTS {
        package.policy(&role(number));
        for app in 0..4 {
            let app = format!("app-{}", (number * 3 + app) % 128);
            let peers = package.selector(label("app", &app));
            package.allow(peers, (0..PORTS).map(|port| 1_000 + 2 * port));
        }
    }
    // The same peers have one selector, as the front end keeps them.
    let model = deduplicated(package);
    let mut inventory = node((0..ENDPOINTS).map(role));
    inventory
        .endpoints
        .extend((0..PEERS).map(peer).map(Arc::new));
    let source = Source::of_text(
        Bundle::compile(model, [])?.encode()?,
        &serde_yaml::to_string::<Inventory>(&inventory)?,
        Path::new("inventory.yaml"),
    )?;
    let (bundle, path) = (Path::new("bench.polb"), Path::new("bench.yaml"));
    // Their interfaces are missing: what an endpoint's entry takes is there before, see the maps.
    let missing = MissingInterface::Skip;
    Ok(Candidate::new(
        source,
        &Trust::Anyone,
        bundle,
        path,
        missing,
    )?)
}

fn deduplicated(package: Package) -> polc_model::Model {
    let mut model = package.model;
    let selectors = model.selectors.clone();
    for rule in &mut model.rules {
        let wanted = selectors.get(rule.peer.index()).map(|one| &one.expr);
        if let Some(first) = selectors.iter().position(|one| Some(&one.expr) == wanted) {
            rule.peer = polc_model::SelectorId::new(first);
        }
    }
    model
}

pub(super) fn peer(number: u32) -> Endpoint {
    Endpoint {
        name: format!("peer-{number}"),
        namespace: None,
        labels: Arc::new(Labels::from([(
            "app".to_owned(),
            format!("app-{}", number % 1_000),
        )])),
        node: None,
        interface: None,
        init: false,
        ports: polc_model::NamedPorts::new(),
        addresses: vec![std::net::Ipv4Addr::from_bits((10 << 24) + number).into()],
    }
}

/// Bytes by what holds them.
#[derive(Default)]
struct Usage {
    maps: Vec<(String, u64)>,
    programs: u64,
}

impl Usage {
    fn of_map(&self, name: &str) -> u64 {
        let maps = self.maps.iter().filter(|(map, _)| map == name);
        maps.map(|(_, bytes)| bytes).sum()
    }

    fn total(&self) -> u64 {
        self.programs + self.maps.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}

/// What the datapath's maps take, the generated programs in their slots, and the maps that only
/// those know.
fn usage(pins: &Pins) -> Result<Usage> {
    let slots: Map<u32, u32> = Map::open(&pins.map(map::POLICIES))?;
    let continuations: Map<u32, u32> = Map::open(&pins.map(polc_abi::policy::CONTINUATIONS_MAP))?;
    let mut ids: BTreeSet<u32> = slots.entries()?.into_iter().map(|(_, id)| id).collect();
    ids.extend(continuations.entries()?.into_iter().map(|(_, id)| id));
    let mut usage = Usage::default();
    let tables: Map<u32, u32> = Map::open(&pins.map(map::ADDRESSES))?;
    let mut maps: BTreeSet<u32> = tables.entries()?.into_iter().map(|(_, id)| id).collect();
    for name in map::ALL {
        maps.insert(MapInfo::from_pin(pins.map(name))?.id());
    }
    for program in loaded_programs() {
        // Others' may go while we look.
        let Ok(program) = program else { continue };
        if ids.contains(&program.id()) {
            maps.extend(program.map_ids()?.into_iter().flatten());
            usage.programs +=
                u64::from(program.memory_locked()?) + u64::from(program.size_jitted());
        }
    }
    for id in maps {
        let info = MapInfo::from_id(id)?;
        let fd = info.fd()?;
        let path = format!(
            "/proc/self/fdinfo/{}",
            std::os::fd::AsFd::as_fd(&fd).as_raw_fd()
        );
        let text = fs::read_to_string(path)?;
        let locked = text.lines().find_map(|line| line.strip_prefix("memlock:"));
        let bytes = locked.and_then(|bytes| bytes.trim().parse().ok());
        let name = info.name_as_str().unwrap_or("?").to_owned();
        usage
            .maps
            .push((name, bytes.ok_or("a map without `memlock`")?));
    }
    Ok(usage)
}

fn print_rows(before: &Usage, after: &Usage) {
    let kib = |bytes: u64| format!("{} KiB", bytes.div_ceil(1024));
    let mut names: Vec<&str> = after.maps.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    println!("  {:24} {:>12} {:>12}", "", "empty", "filled");
    for name in names {
        let (empty, filled) = (before.of_map(name), after.of_map(name));
        if filled != empty {
            println!("  {name:24} {:>12} {:>12}", kib(empty), kib(filled));
        }
    }
    let (empty, filled) = (before.programs, after.programs);
    println!("  {:24} {:>12} {:>12}", "programs", kib(empty), kib(filled));
    let grown = after.total().saturating_sub(before.total());
    println!(
        "  policy's share, both directions: {}; besides, whatever the policy: {}",
        kib(grown),
        kib(before.total())
    );
    let mut fixed: Vec<&(String, u64)> = before.maps.iter().collect();
    fixed.sort_unstable_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let largest = fixed.iter().take(6);
    let largest: Vec<String> = largest
        .map(|(name, bytes)| format!("{name} {}", kib(*bytes)))
        .collect();
    println!("    of which {}", largest.join(", "));
    let combinations = u64::from(ENDPOINTS) * u64::from(PEERS) * u64::from(PORTS);
    for entry in ENTRY_BYTES {
        let all = combinations * entry;
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let percent = |part: u64| 100.0 * part as f64 / all as f64;
        println!(
            "  {combinations} entries of {entry} bytes: {} MiB; policy's share is {:.2}% of that, \
             everything {:.2}% (target 1%)",
            all >> 20,
            percent(grown),
            percent(after.total())
        );
    }
}
