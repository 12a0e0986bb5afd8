//! `polc-agent run`.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread,
};

use clap::{Args, builder::RangedI64ValueParser, value_parser};
use polc_abi::map;

use super::{Where, Which, absolute};
use crate::{
    Error,
    agent::Agent,
    api::server,
    datapath::FlowCapacity,
    dataplane::Dataplane,
    flows::reader::Reader,
    state_dir::Source,
    sweeper,
    sys::{mount, signal::Termination},
    trust::Trust,
    wanted::Wanted,
    watch,
};

/// Put a bundle in force and keep it so, until told otherwise
#[derive(Args, Debug)]
pub struct Run {
    /// The bundle to start with
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// What runs on this node and elsewhere
    #[arg(long, value_name = "FILE")]
    inventory: PathBuf,
    /// Take only bundles with a signature of this key, `BUNDLE.minisig` beside each; given several
    /// times, of one of them
    #[arg(long = "public-key", value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// How many flows the node keeps that both ends have agreed to, and a quarter as many others.
    /// Counts when the maps are made: at the first start, or after `detach`
    #[arg(long, value_name = "N", default_value_t = map::FLOWS_BY_DEFAULT,
        value_parser = flow_capacity())]
    flows: u32,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Where,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Error> {
        let termination = Termination::block().map_err(Error::kernel("blocking signals"))?;
        let state_dir = self.which.state_dir();
        state_dir.create()?;
        let _lock = state_dir.lock()?;
        let (bundle_path, inventory_path) = (absolute(&self.bundle)?, absolute(&self.inventory)?);
        let (pins, mechanism) = (self.place.pins(), self.place.mechanism());
        // Before anything on the node is touched.
        let trust = Trust::read(&self.public_keys)?;
        let given = Source::read(&bundle_path, &inventory_path)?;
        let paths = [bundle_path, inventory_path];
        let wanted = Wanted::new(given, &trust, &pins, &state_dir, &paths)?;

        mount::ensure_bpffs(&self.place.bpffs)
            .map_err(Error::kernel("mounting the BPF file system"))?;
        let dataplane = Dataplane::open_for(
            pins.clone(),
            mechanism,
            FlowCapacity::new(self.flows).unwrap_or_default(),
        )?;
        let kept = dataplane.datapath().settled_flows()?;
        if kept != self.flows {
            eprintln!(
                "polc-agent: the table of flows stays one for {kept}, as its flows are live; \
                 `--flows {}` counts after `polc-agent detach`",
                self.flows
            );
        }
        let agent = Agent::start(
            dataplane,
            wanted,
            trust,
            pins.clone(),
            mechanism,
            state_dir,
            paths,
        )?;
        let agent = Arc::new(agent);

        let reader = Reader::open(&pins)?;
        let listener = server::listen(&agent.socket())?;
        let events = Arc::clone(&agent);
        let events = thread::spawn(move || {
            reader.run(events.epochs(), events.history(), events.is_ending())
        });
        let watcher = Arc::clone(&agent);
        thread::spawn(move || watch::interfaces(&watcher));
        let sweeping = (pins.clone(), Arc::clone(&agent));
        thread::spawn(move || {
            let (pins, agent) = sweeping;
            if let Err(error) = sweeper::run(&pins, agent.is_ending()) {
                eprintln!("polc-agent: {error}");
            }
        });
        let clients = Arc::clone(&agent);
        thread::spawn(move || server::serve(&listener, &clients));

        termination
            .wait()
            .map_err(Error::kernel("waiting for a signal"))?;
        agent.is_ending().store(true, Ordering::Relaxed);
        if let Ok(Err(error)) = events.join() {
            eprintln!("polc-agent: {error}");
        }
        if pins.exist() {
            // A socket that nobody listens at only confuses.
            let _ = std::fs::remove_file(agent.socket());
            eprintln!(
                "polc-agent: ends; what is in force stays in force (`polc-agent detach` removes it)"
            );
        }
        Ok(())
    }
}

/// Numbers that are a [`FlowCapacity`].
fn flow_capacity() -> RangedI64ValueParser<u32> {
    let range = map::FLOWS_RANGE;
    value_parser!(u32).range(i64::from(*range.start())..=i64::from(*range.end()))
}
