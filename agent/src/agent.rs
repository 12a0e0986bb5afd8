//! The running agent, as the API sees it.

mod trials;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use polc_inventory::{Endpoint, ThisNode};
use tracing::{info, warn};

use crate::{
    Error,
    api::{Response, Status},
    candidate::{Candidate, MissingInterface},
    dataplane::{ClassProgram, Dataplane},
    flows::{History, reader::Epochs},
    followed::Follower,
    inventory_source::{InventorySource, Reading, refused},
    metrics::Meters,
    pins::Pins,
    removal,
    session::Session,
    set_endpoints::Change,
    state_dir::{Source, StartedWith, StateDir},
    status::{self, Judged},
    sys::signal,
    trial::{Seconds, Trial},
    trust::{self, Trust},
    wanted::Wanted,
};

/// The running agent, as the API sees it.
pub struct Agent {
    inner: Mutex<Inner>,
    trust: Trust,
    this_node: ThisNode,
    epochs: Epochs,
    history: History,
    meters: Meters,
    followed: Follower,
    ending: AtomicBool,
    pins: Pins,
    state_dir: StateDir,
}

struct Inner {
    dataplane: Dataplane,
    candidate: Arc<Candidate>,
    programs: Vec<ClassProgram>,
    started_with: StartedWith,
    bundle_path: PathBuf,
    inventory_path: PathBuf,
    trial: Option<Trial>,
}

/// What somebody wants to be put in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The bundle; without it, the one in force stays.
    pub(crate) bundle: Option<&'a Path>,
    /// The inventory; without it, the one in force stays.
    pub(crate) inventory: Option<&'a Path>,
    /// What must not be cut by it, where there is no trial.
    pub(crate) session: Option<Session>,
    /// How long it is on trial.
    pub(crate) trial: Option<Seconds>,
}

impl Inner {
    /// What is in force, where a candidate can go on with its programs.
    fn before(&self) -> Option<Arc<Candidate>> {
        let can_go_on = self.dataplane.can_go_on();
        can_go_on.then(|| Arc::clone(&self.candidate))
    }
}

impl Agent {
    /// Goes on with what is in force, or puts in force what was given.
    pub(crate) fn start(
        mut dataplane: Dataplane,
        wanted: Wanted,
        (trust, this_node): (Trust, ThisNode),
        pins: Pins,
        state_dir: StateDir,
        [bundle_path, inventory_path]: [PathBuf; 2],
    ) -> Result<Self, Error> {
        let started_with = wanted.started_with;
        let epochs = Epochs::default();
        let meters = Meters::new()?;
        let state = dataplane.state();
        let candidate = Arc::new(wanted.candidate);
        let mut programs = Vec::new();
        if wanted.is_in_force && dataplane.resume(&candidate)? {
            epochs.add(state.epoch(), Arc::clone(&candidate.meaning));
            info!(
                digest = candidate.meaning.digest,
                epoch = state.epoch(),
                "goes on with bundle"
            );
        } else {
            let begin = Instant::now();
            let applied = dataplane.apply(&candidate, |next| {
                epochs.add(next.epoch(), Arc::clone(&candidate.meaning));
                state_dir.save(
                    next.epoch(),
                    &candidate.source,
                    &candidate.hooks,
                    &started_with,
                )
            });
            meters.applied(begin.elapsed(), &applied);
            let applied = applied?;
            // Where an agent before has left a trial on, what is in force now is what comes back.
            state_dir.end_trial()?;
            // Is in force all the same; the next apply or start removes what is left over.
            if let Err(error) = state_dir.keep_only(applied.state.epoch()) {
                warn!("{error}");
            }
            programs = applied.programs;
            let epoch = applied.state.epoch();
            info!(
                digest = candidate.meaning.digest,
                epoch, "bundle is in force"
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
                trial: None,
            }),
            trust,
            this_node,
            epochs,
            history: History::default(),
            meters,
            followed: Follower::default(),
            ending: AtomicBool::new(false),
            pins,
            state_dir,
        })
    }

    /// Puts another bundle in force, another inventory, or both.
    pub(crate) fn apply(&self, wish: &Wish<'_>) -> Result<Response, Error> {
        let begin = Instant::now();
        let result = self.try_apply(wish);
        self.meters.applied(begin.elapsed(), &result);
        result
    }

    fn try_apply(&self, wish: &Wish<'_>) -> Result<Response, Error> {
        let mut inner = self.lock();
        if let Some(trial) = &inner.trial {
            let seconds = trial.seconds_left();
            return Err(Error::OnTrial { seconds });
        }
        let mut source = inner.candidate.source.clone();
        if let Some(path) = wish.bundle {
            source.bundle = std::fs::read(path).map_err(Error::file(path))?.into();
            source.signature = trust::read_signature(path)?.map(Arc::from);
        }
        if let Some(path) = wish.inventory {
            let reading = InventorySource::read_once(path, &self.this_node)?;
            source.inventory = reading.inventory;
            source.inventory_digest = reading.digest.to_hex();
        }
        let bundle = wish.bundle.unwrap_or(&inner.bundle_path).to_owned();
        let inventory = wish.inventory.unwrap_or(&inner.inventory_path).to_owned();
        let missing = MissingInterface::Refuse;
        let before = inner.before();
        let candidate = Candidate::after(
            before.as_deref(),
            source,
            &self.trust,
            [&bundle, &inventory],
            missing,
        )?;
        let cuts = match wish.session {
            Some(session) => session.is_cut_by(&candidate)?.map(|who| (session, who)),
            None => None,
        };
        if let (Some((session, decider)), None) = (&cuts, wish.trial) {
            return Err(Error::CutsSession {
                session: *session,
                decider: decider.clone(),
            });
        }
        let source = inner.candidate.source.clone();
        let paths = [inner.bundle_path.clone(), inner.inventory_path.clone()];
        if wish.trial.is_some() {
            self.state_dir
                .begin_trial(inner.dataplane.state().epoch())?;
        }
        let result = self.put_in_force(&mut inner, candidate);
        if result.is_err() && wish.trial.is_some() {
            self.state_dir.end_trial()?;
        }
        let epoch = result?;
        inner.trial = wish.trial.map(|trial| Trial {
            epoch,
            deadline: Instant::now() + trial.duration(),
            before: source,
            is_of_inventory: wish.inventory.is_some(),
            paths,
        });
        info!(
            digest = inner.candidate.meaning.digest,
            epoch, "bundle is in force"
        );
        inner.bundle_path = bundle;
        inner.inventory_path = inventory;
        Ok(Response::Applied {
            bundle: inner.candidate.meaning.digest.clone(),
            epoch,
            cuts: cuts.map(|(_, decider)| decider),
        })
    }

    /// Puts what is in force in force again, when its interfaces are others now. Whether it did.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        let mut inner = self.lock();
        if inner.candidate.interfaces_are_current() && inner.dataplane.links_are_current() {
            return Ok(false);
        }
        let source = inner.candidate.source.clone();
        let begin = Instant::now();
        let result = self.go_on_with(&mut inner, source);
        self.meters.applied(begin.elapsed(), &result);
        result.map(|_| true)
    }

    /// Puts another inventory in force beside the bundle that is. Whether it is another.
    pub(crate) fn follow(&self, reading: Reading) -> Result<bool, Error> {
        let mut inner = self.lock();
        if *reading.inventory == *inner.candidate.source.inventory {
            return Ok(false);
        }
        let begin = Instant::now();
        let result = self.try_follow(&mut inner, &reading);
        self.meters.applied(begin.elapsed(), &result);
        result?;
        let lag = reading.changed.and_then(|changed| changed.elapsed().ok());
        self.followed.changed(lag);
        if let Some(lag) = lag {
            self.meters.followed(lag);
        }
        Ok(true)
    }

    fn try_follow(&self, inner: &mut Inner, reading: &Reading) -> Result<u32, Error> {
        let digest = reading.digest.to_hex();
        let source = Source {
            inventory: Arc::clone(&reading.inventory),
            inventory_digest: digest.clone(),
            ..inner.candidate.source.clone()
        };
        // Of the inventory that a restart is given, this is what it says by now.
        let before = std::mem::replace(&mut inner.started_with.inventory, digest);
        self.go_on_with(inner, source).inspect_err(|_| {
            inner.started_with.inventory = before;
        })
    }

    /// Sets endpoints beside the inventory, in place of those of the same names. A pod that has no
    /// endpoint, or no more, is removed.
    ///
    /// # Errors
    /// The text says something else; an endpoint contradicts what is there; the interface of one that is
    /// here does not exist. Nothing of it is in force then.
    pub(crate) fn set_endpoints(&self, text: &str, origin: &Path) -> Result<Response, Error> {
        let change = Change::read(text).map_err(refused(origin))?;
        let begin = Instant::now();
        let mut inner = self.lock();
        let result = self.try_set(&mut inner, change, origin);
        self.meters.applied(begin.elapsed(), &result);
        result
    }

    /// Removes an endpoint that was set.
    ///
    /// # Errors
    /// None of this name was set.
    pub(crate) fn remove_endpoint(&self, name: &str) -> Result<Response, Error> {
        let begin = Instant::now();
        let mut inner = self.lock();
        let source = &inner.candidate.source;
        if !source.endpoints.contains_key(name) {
            let says = |one: &Arc<Endpoint>| one.full_name() == name;
            let help = if source.inventory.endpoints.iter().any(says) {
                "the inventory says this one; change it there"
            } else {
                "`polc-agent peers` lists everybody"
            };
            return Err(Error::UnknownName {
                name: name.to_owned(),
                help: format!("only endpoints that were set can be removed: {help}"),
            });
        }
        let change = Change::removal(name);
        let origin = inner.inventory_path.clone();
        let result = self.try_set(&mut inner, change, &origin);
        self.meters.applied(begin.elapsed(), &result);
        result
    }

    fn try_set(&self, inner: &mut Inner, change: Change, origin: &Path) -> Result<Response, Error> {
        let before = &inner.candidate.source.endpoints;
        let mut endpoints = before.clone();
        let set: Vec<String> = change.set.keys().cloned().collect();
        let removed = change.removed.clone();
        change.make(Arc::make_mut(&mut endpoints));
        if endpoints != *before {
            let source = Source {
                endpoints,
                ..inner.candidate.source.clone()
            };
            let candidate = Candidate::with_source(
                &inner.candidate,
                inner.before().as_deref(),
                source,
                origin,
            )?;
            candidate.check_interfaces(&set)?;
            self.put_in_force(inner, candidate)?;
        }
        Ok(Response::Endpoint {
            set,
            removed,
            epoch: inner.dataplane.state().epoch(),
        })
    }

    /// Puts the bundle in force with what else there is now.
    fn go_on_with(&self, inner: &mut Inner, source: Source) -> Result<u32, Error> {
        let before = inner.before();
        let path = &inner.inventory_path;
        let candidate = Candidate::with_source(&inner.candidate, before.as_deref(), source, path)?;
        self.put_in_force(inner, candidate)
    }

    /// How following the inventory goes.
    pub(crate) const fn followed(&self) -> &Follower {
        &self.followed
    }

    /// Which node the inventory's parts are read for.
    pub(crate) const fn this_node(&self) -> &ThisNode {
        &self.this_node
    }

    /// Where the inventory in force comes from.
    pub(crate) fn inventory_path(&self) -> PathBuf {
        self.lock().inventory_path.clone()
    }

    fn put_in_force(&self, inner: &mut Inner, candidate: Candidate) -> Result<u32, Error> {
        let candidate = Arc::new(candidate);
        let applied = inner.dataplane.apply(&candidate, |next| {
            self.epochs
                .add(next.epoch(), Arc::clone(&candidate.meaning));
            self.state_dir.save(
                next.epoch(),
                &candidate.source,
                &candidate.hooks,
                &inner.started_with,
            )
        });
        if applied.is_err() {
            self.keep_only(inner.dataplane.state().epoch());
        }
        let applied = applied?;
        inner.candidate = Arc::clone(&candidate);
        inner.programs = applied.programs;
        let epoch = applied.state.epoch();
        self.keep_only(epoch);
        Ok(epoch)
    }

    /// Removes from disk what is not in force. What is, is so all the same when that fails; the next apply
    /// or start removes what is left over.
    fn keep_only(&self, epoch: u32) {
        if let Err(error) = self.state_dir.keep_only(epoch) {
            warn!("{error}");
        }
    }

    /// How things are.
    pub(crate) fn status(&self) -> Result<Status, Error> {
        let inner = self.lock();
        let status = status::collect(
            &inner.dataplane,
            &inner.candidate,
            &inner.programs,
            &self.pins,
        )?;
        Ok(Status {
            followed: self.followed.get(),
            trial_seconds: inner.trial.as_ref().map(Trial::seconds_left),
            ..status
        })
    }

    /// What is in force.
    pub(crate) fn candidate(&self) -> Arc<Candidate> {
        self.in_force().0
    }

    /// What is in force, and its epoch.
    pub(crate) fn in_force(&self) -> (Arc<Candidate>, u32) {
        let inner = self.lock();
        (
            Arc::clone(&inner.candidate),
            inner.dataplane.state().epoch(),
        )
    }

    /// What is in force, and how often each of its deciders decided.
    pub(crate) fn judged(&self) -> Result<(Arc<Candidate>, Judged), Error> {
        let inner = self.lock();
        let judged = inner.dataplane.judged()?;
        Ok((Arc::clone(&inner.candidate), judged))
    }

    /// Removes everything from the node.
    pub(crate) fn detach(&self) -> Result<(), Error> {
        let _inner = self.lock();
        removal::remove(&self.pins, &self.state_dir)
    }

    /// Ends the process, as after SIGTERM.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        signal::terminate_self();
    }

    /// Where the agent listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.state_dir.socket()
    }

    pub(crate) const fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    pub(crate) const fn meters(&self) -> &Meters {
        &self.meters
    }

    pub(crate) const fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) const fn is_ending(&self) -> &AtomicBool {
        &self.ending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
