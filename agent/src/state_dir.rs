//! What is in force, on disk, for the agent that comes after this one.
//!
//! ```text
//! STATE_DIR/agent.sock          the socket of the running agent
//! STATE_DIR/lock                held by it
//! STATE_DIR/trial               while a trial is on: the epoch that comes back when it ends
//! STATE_DIR/epoch-7/            what epoch 7 was made of
//!     bundle.polb, bundle.polb.minisig (if it was signed)
//!     inventory.json            where it is another one than the agent was started with
//!     endpoints.json            those that were set through the API
//!     epoch.json                what the agent was started with, and which interfaces have hooks
//! ```
//!
//! The directory of an epoch is complete before the epoch is in force, and the kernel's state word
//! says which epoch that is. So a crash at any time leaves a directory for whatever is in force,
//! and at most one that never came to be.
//!
//! A bundle that stays in force is linked from the directory before, and an inventory that the next
//! agent will be given anyway is not kept: a change of a pod writes what has changed, and little else.

mod before;
mod trial;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use polc_inventory::{Endpoint, Inventory};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    Error,
    attach::Hook,
    inventory_source::{InventoryDigest, Reading, refused},
    pins::entries,
    trust,
};

const BUNDLE: &str = "bundle.polb";
const SIGNATURE: &str = "bundle.polb.minisig";
const INVENTORY: &str = "inventory.json";
const ENDPOINTS: &str = "endpoints.json";
const EPOCH: &str = "epoch.json";

/// What a candidate is made of. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The bundle.
    pub bundle: Bytes,
    /// What stands beside it as its signature; see [`Trust`](crate::trust::Trust). Kept also where
    /// signatures are not asked for, because the next agent may ask.
    pub signature: Option<Arc<[u8]>>,
    /// The inventory.
    pub inventory: Arc<Inventory>,
    /// What it was read from.
    pub inventory_digest: String,
    /// Endpoints that were set through the API, by full name: they take the place of the inventory's.
    pub endpoints: Arc<BTreeMap<String, Arc<Endpoint>>>,
}

impl Source {
    /// Reads a bundle, and the signature beside it if there is one, for an inventory that was read.
    ///
    /// # Errors
    /// One cannot be read.
    pub(crate) fn read(bundle: &Path, read: Reading) -> Result<Self, Error> {
        Ok(Self {
            bundle: fs::read(bundle).map_err(Error::file(bundle))?.into(),
            signature: trust::read_signature(bundle)?.map(Arc::from),
            inventory: read.inventory,
            inventory_digest: read.digest.to_hex(),
            endpoints: Arc::default(),
        })
    }

    /// A bundle that nobody signed and the text of an inventory. The path is for messages.
    ///
    /// # Errors
    /// The inventory is none.
    pub fn of_text(bundle: Vec<u8>, inventory: &str, path: &Path) -> Result<Self, Error> {
        let parsed = Inventory::parse(inventory).map_err(refused(path))?;
        Ok(Self {
            bundle: bundle.into(),
            signature: None,
            inventory: Arc::new(parsed),
            inventory_digest: InventoryDigest::of(inventory).to_hex(),
            endpoints: Arc::default(),
        })
    }
}

/// SHA-256 of what the agent was started with. As long as it is the same, a restarted agent goes on with
/// what is in force, which may have been applied since; when it changes, it is what the node's owner
/// wants now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedWith {
    /// Of the bundle.
    pub bundle: String,
    /// Of the inventory.
    pub inventory: String,
}

impl StartedWith {
    /// The digests of these files.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        Self {
            bundle: hex(&Sha256::digest(&source.bundle)),
            inventory: source.inventory_digest.clone(),
        }
    }
}

/// What an agent left in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The bundle.
    pub bundle: Bytes,
    /// Its signature.
    pub signature: Option<Arc<[u8]>>,
    /// The inventory, where it is another one than it was started with.
    pub inventory: Option<Arc<Inventory>>,
    /// What the inventory was read from.
    pub inventory_digest: String,
    /// Endpoints that were set through the API.
    pub endpoints: Arc<BTreeMap<String, Arc<Endpoint>>>,
    /// What it was started with.
    pub started_with: StartedWith,
    /// Interfaces with hooks.
    pub interfaces: BTreeSet<String>,
}

impl Left {
    /// What it was made of. `None` where its inventory is the one that it was started with, and another
    /// one than what is given now.
    #[must_use]
    pub fn source(self, given: &Source) -> Option<Source> {
        let is_given = given.inventory_digest == self.inventory_digest;
        let given = is_given.then(|| Arc::clone(&given.inventory));
        Some(Source {
            bundle: self.bundle,
            signature: self.signature,
            inventory: self.inventory.or(given)?,
            inventory_digest: self.inventory_digest,
            endpoints: self.endpoints,
        })
    }
}

/// `epoch.json`.
#[derive(Serialize, Deserialize)]
struct Epoch {
    started_with: StartedWith,
    inventory_digest: String,
    interfaces: BTreeSet<String>,
}

/// The directory.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    /// The epoch that was saved last, and its bundle.
    last: Mutex<Option<(u32, Bytes)>>,
    /// The epoch that comes back when a trial ends.
    before_trial: Mutex<Option<u32>>,
}

impl StateDir {
    /// The directory at this path; made by [`Self::create`].
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            last: Mutex::default(),
            before_trial: Mutex::default(),
        }
    }

    /// Makes the directory, for its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(&self) -> Result<(), Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root)
            .map_err(Error::file(&self.root))
    }

    /// Takes the directory for this process, for as long as the file is open.
    ///
    /// # Errors
    /// Another agent has it.
    pub fn lock(&self) -> Result<File, Error> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(Error::AlreadyRunning(self.root.clone())),
            Err(fs::TryLockError::Error(cause)) => Err(Error::file(path)(cause)),
        }
    }

    /// Where the agent listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("agent.sock")
    }

    /// Writes what an epoch is made of, whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(
        &self,
        epoch: u32,
        source: &Source,
        hooks: &[Hook],
        started_with: &StartedWith,
    ) -> Result<(), Error> {
        let directory = self.epoch(epoch);
        let unfinished = self.root.join(format!("epoch-{epoch}.tmp"));
        for stale in [&unfinished, &directory] {
            remove_dir(stale)?;
        }
        fs::create_dir(&unfinished).map_err(Error::state(&unfinished))?;
        let write = |name: &str, content: &[u8]| {
            let path = unfinished.join(name);
            write_through(&path, content).map_err(Error::state(path))
        };
        self.save_bundle(&unfinished, &source.bundle)?;
        if let Some(signature) = &source.signature {
            write(SIGNATURE, signature)?;
        }
        let json = |value: serde_json::Result<Vec<u8>>| {
            value.map_err(|cause| Error::state(&unfinished)(cause.into()))
        };
        if source.inventory_digest != started_with.inventory {
            write(INVENTORY, &json(serde_json::to_vec(&*source.inventory))?)?;
        }
        if !source.endpoints.is_empty() {
            let endpoints: Vec<&Endpoint> = source.endpoints.values().map(|one| &**one).collect();
            write(ENDPOINTS, &json(serde_json::to_vec(&endpoints))?)?;
        }
        let about = Epoch {
            started_with: started_with.clone(),
            inventory_digest: source.inventory_digest.clone(),
            interfaces: hooks.iter().map(|hook| hook.interface.clone()).collect(),
        };
        write(EPOCH, &json(serde_json::to_vec(&about))?)?;
        fs::rename(&unfinished, &directory).map_err(Error::state(&directory))?;
        File::open(&self.root)
            .and_then(|root| root.sync_all())
            .map_err(Error::state(&self.root))?;
        *self.last() = Some((epoch, source.bundle.clone()));
        Ok(())
    }

    /// Links the bundle that was saved last, if it is this one, or writes it.
    fn save_bundle(&self, directory: &Path, bundle: &Bytes) -> Result<(), Error> {
        let path = directory.join(BUNDLE);
        if let Some((epoch, last)) = &*self.last()
            && std::ptr::eq(&raw const **last, &raw const **bundle)
            && fs::hard_link(self.bundle(*epoch), &path).is_ok()
        {
            return Ok(());
        }
        write_through(&path, bundle).map_err(Error::state(path))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(u32, Bytes)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an epoch was made of, if that is known.
    #[must_use]
    pub fn load(&self, epoch: u32) -> Option<Left> {
        let directory = self.epoch(epoch);
        let optional = |name| match fs::read(directory.join(name)) {
            Ok(content) => Some(Some(content)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Some(None),
            Err(_) => None,
        };
        let about = match fs::read(directory.join(EPOCH)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return before::load(&directory);
            }
            about => serde_json::from_slice::<Epoch>(&about.ok()?).ok()?,
        };
        let inventory = optional(INVENTORY)?.map(String::from_utf8);
        let inventory = inventory.transpose().ok()?;
        let inventory = inventory.map(|text| Inventory::parse(&text));
        let endpoints = optional(ENDPOINTS)?;
        let endpoints: Vec<Arc<Endpoint>> = match endpoints {
            Some(endpoints) => serde_json::from_slice(&endpoints).ok()?,
            None => Vec::new(),
        };
        let endpoints = endpoints.into_iter().map(|one| (one.full_name(), one));
        Some(Left {
            bundle: fs::read(directory.join(BUNDLE)).ok()?.into(),
            signature: optional(SIGNATURE)?.map(Arc::from),
            inventory: inventory.transpose().ok()?.map(Arc::new),
            inventory_digest: about.inventory_digest,
            endpoints: Arc::new(endpoints.collect()),
            started_with: about.started_with,
            interfaces: about.interfaces,
        })
    }

    /// Where the bundle of an epoch is, for messages.
    #[must_use]
    pub fn bundle(&self, epoch: u32) -> PathBuf {
        self.epoch(epoch).join(BUNDLE)
    }

    /// Every epoch that is known.
    #[must_use]
    pub fn epochs(&self) -> Vec<u32> {
        entries(&self.root)
            .unwrap_or_default()
            .iter()
            .filter_map(|path| {
                path.file_name()?
                    .to_str()?
                    .strip_prefix("epoch-")?
                    .parse()
                    .ok()
            })
            .collect()
    }

    /// Removes every epoch but this one, and the one that comes back when a trial ends.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_only(&self, epoch: u32) -> Result<(), Error> {
        let keep = self.epoch(epoch);
        let comes_back = self.before_trial().map(|epoch| self.epoch(epoch));
        for path in entries(&self.root).map_err(Error::file(&self.root))? {
            let is_epoch = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("epoch-"));
            if is_epoch && path != keep && Some(&path) != comes_back.as_ref() {
                remove_dir(&path)?;
            }
        }
        Ok(())
    }

    /// Removes the directory.
    ///
    /// # Errors
    /// What the system says; not that there is none.
    pub fn remove(&self) -> Result<(), Error> {
        remove_dir(&self.root)
    }

    fn epoch(&self, epoch: u32) -> PathBuf {
        self.root.join(format!("epoch-{epoch}"))
    }
}

fn write_through(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(Error::file(path)(cause)),
        _ => Ok(()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "inventory.yaml";

    fn source(bundle: &str, node: &str) -> Source {
        let inventory = format!("node: {{ name: {node} }}");
        Source::of_text(bundle.into(), &inventory, Path::new(PATH)).unwrap()
    }

    #[test]
    fn a_signature_is_kept_with_its_bundle() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let started_with = StartedWith::of(&source("a", "n"));
        let signed = Source {
            signature: Some(b"signed".as_slice().into()),
            ..source("a", "n")
        };
        state.save(1, &signed, &[], &started_with).unwrap();
        assert_eq!(state.load(1).unwrap().signature, signed.signature);
        // Not beside another bundle of the same epoch.
        state
            .save(1, &source("b", "n"), &[], &started_with)
            .unwrap();
        let left = state.load(1).unwrap();
        assert_eq!((&*left.bundle, left.signature), (b"b".as_slice(), None));
    }

    #[test]
    fn an_epoch_that_never_came_to_be_is_not_taken_for_the_one_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let started_with = StartedWith::of(&source("a", "n"));
        state
            .save(1, &source("a", "n"), &[], &started_with)
            .unwrap();
        state
            .save(2, &source("b", "n"), &[], &started_with)
            .unwrap();
        assert_eq!(&*state.load(1).unwrap().bundle, b"a");
        state.keep_only(1).unwrap();
        assert_eq!(&*state.load(1).unwrap().bundle, b"a");
        assert_eq!(state.load(2), None);
    }

    #[test]
    fn a_bundle_that_stays_is_there_after_its_first_epoch_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let source = source("a", "n");
        for epoch in 1..=3 {
            state
                .save(epoch, &source, &[], &StartedWith::of(&source))
                .unwrap();
            state.keep_only(epoch).unwrap();
        }
        assert_eq!(state.load(3).unwrap().bundle, source.bundle);
    }

    #[test]
    fn an_inventory_is_kept_where_the_next_agent_is_not_given_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let (first, applied) = (source("a", "n"), source("a", "other"));
        let started_with = StartedWith::of(&first);
        state.save(1, &first, &[], &started_with).unwrap();
        assert_eq!(state.load(1).unwrap().inventory, None);

        let endpoint = "endpoints: [{ name: set, namespace: n, addresses: [10.0.0.9] }]";
        let part = polc_inventory::Part::parse(endpoint).unwrap();
        let set = part.endpoints.into_iter().map(|one| (one.full_name(), one));
        let applied = Source {
            endpoints: Arc::new(set.collect()),
            ..applied
        };
        let hook = Hook {
            point: crate::attach::HookPoint::FromUplink,
            interface: "eth0".to_owned(),
            ifindex: 2,
        };
        state.save(2, &applied, &[hook], &started_with).unwrap();
        let left = state.load(2).unwrap();
        assert_eq!(left.inventory, Some(Arc::clone(&applied.inventory)));
        assert_eq!(left.endpoints, applied.endpoints);
        assert_eq!(left.inventory_digest, applied.inventory_digest);
        assert_eq!(left.started_with, started_with);
        assert_eq!(left.interfaces.first().map(String::as_str), Some("eth0"));
    }

    #[test]
    fn only_one_agent_has_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let lock = state.lock().unwrap();
        assert!(matches!(state.lock(), Err(Error::AlreadyRunning(_))));
        drop(lock);
        assert!(state.lock().is_ok());
    }
}
