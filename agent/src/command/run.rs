//! `polc-agent run`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use clap::Args;

use super::{Where, Which, absolute, detach};
use crate::{
    Error,
    api::{Response, Status, server},
    attach::Mechanism,
    candidate::Candidate,
    dataplane::{ClassProgram, Dataplane},
    flows::{
        History,
        reader::{Epochs, Reader},
    },
    pins::Pins,
    state_dir::{Source, StartedWith, StateDir},
    status,
    sys::{mount, signal::Termination},
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
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Where,
}

/// The running agent, as the API sees it.
pub struct Agent {
    inner: Mutex<Inner>,
    epochs: Epochs,
    history: History,
    ending: AtomicBool,
    place: Where,
    state_dir: StateDir,
}

struct Inner {
    dataplane: Dataplane,
    candidate: Arc<Candidate>,
    programs: Vec<ClassProgram>,
    started_with: StartedWith,
    bundle_path: PathBuf,
    inventory_path: PathBuf,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Error> {
        let termination = Termination::block().map_err(Error::kernel("blocking signals"))?;
        let state_dir = self.which.state_dir();
        state_dir.create()?;
        let _lock = state_dir.lock()?;
        let (bundle_path, inventory_path) = (absolute(&self.bundle)?, absolute(&self.inventory)?);
        // Before anything on the node is touched.
        let given = Candidate::read(&bundle_path, &inventory_path)?;

        mount::ensure_bpffs(&self.place.bpffs)
            .map_err(Error::kernel("mounting the BPF file system"))?;
        let pins = self.place.pins();
        let dataplane = Dataplane::open(pins.clone(), Mechanism::probe())?;
        let agent = Agent::start(
            dataplane,
            given,
            self.place,
            state_dir,
            [bundle_path, inventory_path],
        )?;
        let agent = Arc::new(agent);

        let reader = Reader::open(&pins)?;
        let listener = server::listen(&agent.state_dir.socket())?;
        let events = Arc::clone(&agent);
        let events =
            thread::spawn(move || reader.run(&events.epochs, &events.history, &events.ending));
        let clients = Arc::clone(&agent);
        thread::spawn(move || server::serve(&listener, &clients));

        termination
            .wait()
            .map_err(Error::kernel("waiting for a signal"))?;
        agent.ending.store(true, Ordering::Relaxed);
        if let Ok(Err(error)) = events.join() {
            eprintln!("polc-agent: {error}");
        }
        if agent.place.pins().exist() {
            // A socket that nobody listens at only confuses.
            let _ = std::fs::remove_file(agent.state_dir.socket());
            eprintln!(
                "polc-agent: ends; what is in force stays in force (`polc-agent detach` removes it)"
            );
        }
        Ok(())
    }
}

impl Agent {
    /// Goes on with what is in force, or puts in force what was given.
    fn start(
        mut dataplane: Dataplane,
        given: Candidate,
        place: Where,
        state_dir: StateDir,
        [bundle_path, inventory_path]: [PathBuf; 2],
    ) -> Result<Self, Error> {
        let started_with = StartedWith::of(&given.source);
        let epochs = Epochs::default();
        let state = dataplane.state();
        let before = state_dir.load(state.epoch());
        let wanted = wanted(given, before, &started_with, &bundle_path, &inventory_path)?;
        let candidate = Arc::new(wanted.candidate);
        let mut programs = Vec::new();
        if wanted.is_in_force && dataplane.resume(&candidate)? {
            epochs.add(state.epoch(), Arc::clone(&candidate));
            eprintln!(
                "polc-agent: goes on with bundle {}, epoch {}",
                candidate.digest,
                state.epoch()
            );
        } else {
            let applied = dataplane.apply(&candidate, |next| {
                epochs.add(next.epoch(), Arc::clone(&candidate));
                state_dir.save(next.epoch(), &candidate.source, &started_with)
            })?;
            // Is in force all the same; the next apply or start removes what is left over.
            if let Err(error) = state_dir.keep_only(applied.state.epoch()) {
                eprintln!("polc-agent: {error}");
            }
            programs = applied.programs;
            eprintln!(
                "polc-agent: bundle {} is in force, epoch {}",
                candidate.digest,
                applied.state.epoch()
            );
        }
        Ok(Self {
            inner: Mutex::new(Inner {
                dataplane,
                candidate,
                programs,
                started_with,
                bundle_path,
                inventory_path,
            }),
            epochs,
            history: History::default(),
            ending: AtomicBool::new(false),
            place,
            state_dir,
        })
    }

    /// Puts another bundle in force.
    pub(crate) fn apply(&self, bundle: &Path, inventory: Option<&Path>) -> Result<Response, Error> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let read = |path: &Path| std::fs::read(path).map_err(Error::file(path));
        let source = Source {
            bundle: read(bundle)?,
            inventory: match inventory {
                Some(path) => std::fs::read_to_string(path).map_err(Error::file(path))?,
                None => inner.candidate.source.inventory.clone(),
            },
        };
        let inventory = inventory.unwrap_or(&inner.inventory_path);
        let candidate = Arc::new(Candidate::new(source, bundle, inventory)?);
        let applied = inner.dataplane.apply(&candidate, |next| {
            self.epochs.add(next.epoch(), Arc::clone(&candidate));
            self.state_dir
                .save(next.epoch(), &candidate.source, &inner.started_with)
        })?;
        inner.candidate = Arc::clone(&candidate);
        inner.programs = applied.programs;
        inner.bundle_path = bundle.to_owned();
        let epoch = applied.state.epoch();
        // Is in force all the same; the next apply or start removes what is left over.
        if let Err(error) = self.state_dir.keep_only(epoch) {
            eprintln!("polc-agent: {error}");
        }
        eprintln!(
            "polc-agent: bundle {} is in force, epoch {epoch}",
            candidate.digest
        );
        Ok(Response::Applied {
            bundle: candidate.digest.clone(),
            epoch,
        })
    }

    /// How things are.
    pub(crate) fn status(&self) -> Result<Status, Error> {
        let inner = self.lock();
        status::collect(
            &inner.dataplane,
            &inner.candidate,
            &inner.programs,
            &self.place.pins(),
        )
    }

    /// Removes everything from the node.
    pub(crate) fn detach(&self) -> Result<(), Error> {
        let _inner = self.lock();
        detach::remove(&self.place, &self.state_dir)
    }

    /// Ends the process, as after SIGTERM.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        crate::sys::signal::terminate_self();
    }

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    pub(crate) const fn is_ending(&self) -> &AtomicBool {
        &self.ending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What should be in force, and whether it is what the agent before left in force.
struct Wanted {
    candidate: Candidate,
    is_in_force: bool,
}

/// Of bundle and inventory, takes what was given where it is not what the agent before was given,
/// and otherwise what is in force.
fn wanted(
    given: Candidate,
    before: Option<(Source, StartedWith)>,
    started_with: &StartedWith,
    bundle_path: &Path,
    inventory_path: &Path,
) -> Result<Wanted, Error> {
    let Some((source, started_before)) = before else {
        return Ok(Wanted {
            candidate: given,
            is_in_force: false,
        });
    };
    let keeps_bundle = started_before.bundle == started_with.bundle;
    let keeps_inventory = started_before.inventory == started_with.inventory;
    let merged = Source {
        bundle: if keeps_bundle {
            source.bundle.clone()
        } else {
            given.source.bundle.clone()
        },
        inventory: if keeps_inventory {
            source.inventory.clone()
        } else {
            given.source.inventory.clone()
        },
    };
    let is_in_force = merged == source;
    Ok(Wanted {
        candidate: Candidate::new(merged, bundle_path, inventory_path)?,
        is_in_force,
    })
}

/// Removes clsact filters, which have no pins, by what the state directory says was attached.
pub(super) fn detach_clsact(pins: &Pins, state_dir: &StateDir) {
    for epoch in state_dir.epochs() {
        let Some((source, _)) = state_dir.load(epoch) else {
            continue;
        };
        let Ok(candidate) = Candidate::new(source, Path::new(""), Path::new("")) else {
            continue;
        };
        for hook in &candidate.hooks {
            let _ = Mechanism::Clsact.detach(pins, hook);
        }
    }
}
