//! `polc-agent run`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread,
};

use clap::Args;
use miette::Diagnostic as _;
use polc_inventory::ThisNode;
use tracing::{error, info, warn};

use super::{DEFAULT_BPFFS, DEFAULT_NAME, DEFAULT_STATE_DIR, absolute};
use crate::{
    Error,
    agent::Agent,
    api::server,
    attach::Mechanism,
    capabilities,
    datapath::FlowCapacity,
    dataplane::Dataplane,
    flows::reader::Reader,
    inventory_source::InventorySource,
    logging::{self, Format},
    metrics::{self, server::Reach},
    pins::Pins,
    predecessor::{self, Connections, Predecessor},
    settings::Settings,
    state_dir::{Source, StateDir},
    sweeper,
    sys::{heap, mount, signal::Termination},
    trust::Trust,
    wanted::Wanted,
    watch,
};

/// Put a bundle in force and keep it so, until told otherwise
#[derive(Args, Debug)]
pub struct Run {
    /// A YAML file that says what flags would, under their names with `_` for `-`; flags win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Settings,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Error> {
        let termination = Termination::block().map_err(Error::kernel("blocking signals"))?;
        let settings = match &self.config {
            Some(path) => self.flags.or(Settings::read(path)?),
            None => self.flags,
        };
        let format = settings.log_format.unwrap_or_default();
        logging::start(format, settings.log_level.unwrap_or_default());
        match (format, enforce(settings, termination)) {
            (Format::Json, Err(fault)) => {
                let help = fault.help().map(|help| help.to_string());
                error!(help, "{fault}");
                let exit = fault.exit_code();
                Err(Error::Said { exit })
            }
            (_, result) => result,
        }
    }
}

/// Puts the bundle in force and stays until it is told to end.
fn enforce(settings: Settings, termination: Termination) -> Result<(), Error> {
    let said =
        |path: Option<PathBuf>, what, key| absolute(&path.ok_or(Error::Unsaid { what, key })?);
    let bundle_path = said(settings.bundle, "a bundle", "bundle")?;
    let inventory_path = said(settings.inventory, "an inventory", "inventory")?;
    heap::share();
    // Before anything on the node is touched.
    let reach = if settings.metrics_beyond_loopback == Some(true) {
        Reach::Anyone
    } else {
        Reach::Loopback
    };
    let listener = |address| metrics::server::listen(address, reach);
    let metrics_listener = settings.metrics.map(listener).transpose()?;
    let state_dir = settings.state_dir.as_deref();
    let state_dir = StateDir::new(state_dir.unwrap_or(Path::new(DEFAULT_STATE_DIR)));
    state_dir.create()?;
    let _lock = state_dir.lock()?;
    let bpffs = settings
        .bpffs
        .as_deref()
        .unwrap_or(Path::new(DEFAULT_BPFFS));
    let pins = Pins::new(bpffs, settings.name.as_deref().unwrap_or(DEFAULT_NAME));
    let mechanism = settings.attach.unwrap_or_else(Mechanism::probe);
    let trust = Trust::read(settings.public_key.as_deref().unwrap_or_default())?;
    let this_node = this_node(settings.node)?;
    let mut inventory = InventorySource::new(inventory_path.clone(), this_node.clone());
    let given = Source::read(&bundle_path, inventory.read_all()?)?;
    let paths = [bundle_path, inventory_path];
    let predecessor = Predecessor::find(&pins)?;
    let epoch = predecessor.as_ref().map(Predecessor::epoch);
    let epoch = epoch.or_else(|| predecessor::epoch_of(&pins));
    let comes_back = state_dir.trial_of_before();
    let comes_back = comes_back.filter(|before| Some(*before) != epoch);
    let epoch = comes_back.or(epoch);
    let mut wanted = Wanted::new(given.clone(), &trust, epoch, &state_dir, &paths)?;
    if comes_back.is_some() {
        warn!("what is in force was on trial: what was before comes back");
        wanted.is_in_force = false;
    }

    mount::ensure_bpffs(bpffs).map_err(Error::kernel("mounting the BPF file system"))?;
    // Before the first thread, and before anything that others can send.
    capabilities::reduce()?;
    let flows = settings.flows.unwrap_or_default();
    let connections = match settings.cut_connections {
        Some(true) => Connections::Cut,
        _ => Connections::Keep,
    };
    if let Some(predecessor) = &predecessor {
        predecessor.keep_flows(&pins, connections)?;
    }
    let mut dataplane = Dataplane::open_for(pins.clone(), mechanism, flows)?;
    dataplane.deliver(settings.delivery.unwrap_or_default());
    report_kept_flows(&dataplane, flows)?;
    if let Some(predecessor) = &predecessor {
        predecessor.hand_over(&mut dataplane, &pins, &state_dir, &trust, &given)?;
    }
    let settled = (trust, this_node);
    let agent = Agent::start(dataplane, wanted, settled, pins.clone(), state_dir, paths)?;
    let agent = Arc::new(agent);

    let reader = Reader::open(&pins)?;
    let listener = server::listen(&agent.socket())?;
    let events = Arc::clone(&agent);
    let events =
        thread::spawn(move || reader.run(events.epochs(), events.history(), events.is_ending()));
    let watcher = Arc::clone(&agent);
    thread::spawn(move || watch::interfaces(&watcher));
    if settings.follow_inventory == Some(true) {
        let follower = Arc::clone(&agent);
        thread::spawn(move || watch::inventory(&follower, inventory));
    }
    if let Some(listener) = metrics_listener {
        let agent = Arc::clone(&agent);
        thread::spawn(move || metrics::server::serve(listener, &agent));
    }
    let sweeping = Arc::clone(&agent);
    let swept = pins.clone();
    thread::spawn(move || {
        if let Err(error) = sweeper::run(&swept, sweeping.is_ending()) {
            error!("{error}");
        }
    });
    let clients = Arc::clone(&agent);
    thread::spawn(move || server::serve(&listener, &clients));

    termination
        .wait()
        .map_err(Error::kernel("waiting for a signal"))?;
    agent.is_ending().store(true, Ordering::Relaxed);
    agent.abandon_trial();
    if let Ok(Err(error)) = events.join() {
        error!("{error}");
    }
    if pins.exist() {
        // A socket that nobody listens at only confuses.
        let _ = std::fs::remove_file(agent.socket());
        info!("ends; what is in force stays in force (`polc-agent detach` removes it)");
    }
    Ok(())
}

/// The node whose pods are here: the one that was named, or what kubelet would call it.
fn this_node(named: Option<String>) -> Result<ThisNode, Error> {
    const HOST_NAME: &str = "/proc/sys/kernel/hostname";
    if let Some(name) = named {
        return Ok(ThisNode::Named(name));
    }
    let name = std::fs::read_to_string(HOST_NAME).map_err(Error::file(HOST_NAME))?;
    Ok(ThisNode::Assumed(name.trim().to_lowercase()))
}

/// Says so where the table of flows was made for another number than is asked for.
fn report_kept_flows(dataplane: &Dataplane, asked: FlowCapacity) -> Result<(), Error> {
    let (kept, asked) = (dataplane.datapath().settled_flows()?, asked.settled());
    if kept != asked {
        warn!(
            "the table of flows stays one for {kept}, as its flows are live; \
             `--flows {asked}` counts after `polc-agent detach`"
        );
    }
    Ok(())
}
