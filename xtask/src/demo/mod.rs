//! The main job, from end to end: a node of network namespaces, `polc build`, `polc-agent`, and
//! real traffic for every line of the package's tests. What the kernel did must be what the
//! tests say.

mod agent;
mod node;
mod report;
mod trial;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use polc_bundle::Bundle;
use polc_inventory::Inventory;

use crate::{
    build,
    run::{self, Error, Result, error, output, root, say, target},
};

/// What to do when the table has been printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Take everything down.
    End,
    /// Leave it running until Ctrl-C.
    Keep,
}

/// The package that is shown, from the repository's root.
const PACKAGE: &str = "policies/examples/shop";

pub(crate) fn run(then: Then) -> Result<()> {
    if output(std::process::Command::new("id").arg("-u"))? != "0" {
        return error(
            "the demo makes network namespaces and loads BPF programs, which needs root; without \
             root, `cargo run -p polc -- test policies/examples/shop` runs the same tests on the \
             reference interpreter",
        );
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|cause| Error(format!("cannot watch for Ctrl-C: {cause}")))?;

    build::all()?;
    let folder = target().join("demo");
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let bundle_path = folder.join("shop.polb");
    run::run(
        build::binary("polc")?
            .args(["build", PACKAGE, "-o"])
            .arg(&bundle_path),
    )?;

    let bytes = std::fs::read(&bundle_path).map_err(at(&bundle_path))?;
    let bundle = Bundle::decode(bytes).map_err(at(&bundle_path))?;
    let inventory_path = root().join(PACKAGE).join("inventory.yaml");
    let text = std::fs::read_to_string(&inventory_path).map_err(at(&inventory_path))?;
    let inventory = Inventory::parse(&text).map_err(at(&inventory_path))?;
    let trials = trial::of_package(&bundle.model, &inventory)?;

    say(format_args!(
        "making a node with {} pods",
        inventory.endpoints.len()
    ));
    let node = node::Node::new(&inventory, &trials)?;
    let agent = agent::Agent::start(&node, &bundle_path, &inventory_path, &folder)?;
    let flows = agent.follow()?;

    let mut rows = Vec::new();
    for (position, trial) in trials.iter().enumerate() {
        if interrupted.load(Ordering::Relaxed) {
            return error("interrupted; everything has been taken down");
        }
        run::progress(position + 1, trials.len(), &trial.test);
        rows.push(report::Row::of(trial, node.try_out(trial)?, &flows));
    }
    let outcome = report::print(&rows, PACKAGE);
    if then == Then::Keep {
        agent.say_how_to_play(&node);
        while !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    outcome
}

/// Puts a path in front of an error.
fn at<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error {
    let path: PathBuf = path.to_owned();
    move |cause| Error(format!("`{}`: {cause}", path.display()))
}
