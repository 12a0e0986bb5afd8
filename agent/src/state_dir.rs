//! What is in force, on disk, for the agent that comes after this one.
//!
//! ```text
//! STATE_DIR/agent.sock          the socket of the running agent
//! STATE_DIR/lock                held by it
//! STATE_DIR/epoch-7/            what epoch 7 was made of
//!     bundle.polb, bundle.polb.minisig (if it was signed), inventory.yaml, started_with.json
//! ```
//!
//! The directory of an epoch is complete before the epoch is in force, and the kernel's state word
//! says which epoch that is. So a crash at any time leaves a directory for whatever is in force,
//! and at most one that never came to be.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, inventory_source::InventorySource, pins::entries, trust};

const BUNDLE: &str = "bundle.polb";
const SIGNATURE: &str = "bundle.polb.minisig";

/// The files that a candidate is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// What stands beside it as its signature; see [`Trust`](crate::trust::Trust). Kept also where
    /// signatures are not asked for, because the next agent may ask.
    pub signature: Option<Vec<u8>>,
    /// The inventory.
    pub inventory: String,
}

impl Source {
    /// Reads the files, and the signature beside the bundle if there is one.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn read(bundle: &Path, inventory: &Path) -> Result<Self, Error> {
        Ok(Self {
            bundle: fs::read(bundle).map_err(Error::file(bundle))?,
            signature: trust::read_signature(bundle)?,
            inventory: InventorySource::text(inventory)?,
        })
    }
}

/// SHA-256 of the files that the agent was started with. As long as they are the same, a restarted
/// agent goes on with what is in force, which may have been applied since; when they change, they
/// are what the node's owner wants now.
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
            bundle: hex(&source.bundle),
            inventory: hex(source.inventory.as_bytes()),
        }
    }
}

/// The directory.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The directory at this path; made by [`Self::create`].
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
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
        started_with: &StartedWith,
    ) -> Result<(), Error> {
        let directory = self.epoch(epoch);
        let unfinished = self.root.join(format!("epoch-{epoch}.tmp"));
        let started_with = serde_json::to_vec(started_with)
            .map_err(|cause| Error::state(&unfinished)(cause.into()))?;
        for stale in [&unfinished, &directory] {
            remove_dir(stale)?;
        }
        fs::create_dir(&unfinished).map_err(Error::state(&unfinished))?;
        let signature = source.signature.as_deref();
        let files = [
            (BUNDLE, Some(source.bundle.as_slice())),
            (SIGNATURE, signature),
            ("inventory.yaml", Some(source.inventory.as_bytes())),
            ("started_with.json", Some(&started_with)),
        ];
        for (name, content) in files {
            let Some(content) = content else {
                continue;
            };
            let path = unfinished.join(name);
            write_through(&path, content).map_err(Error::state(&path))?;
        }
        fs::rename(&unfinished, &directory).map_err(Error::state(&directory))?;
        File::open(&self.root)
            .and_then(|root| root.sync_all())
            .map_err(Error::state(&self.root))
    }

    /// What an epoch was made of, if that is known.
    #[must_use]
    pub fn load(&self, epoch: u32) -> Option<(Source, StartedWith)> {
        let directory = self.epoch(epoch);
        let source = Source {
            bundle: fs::read(directory.join(BUNDLE)).ok()?,
            signature: match fs::read(directory.join(SIGNATURE)) {
                Ok(signature) => Some(signature),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
                Err(_) => return None,
            },
            inventory: fs::read_to_string(directory.join("inventory.yaml")).ok()?,
        };
        let started_with = fs::read(directory.join("started_with.json")).ok()?;
        Some((source, serde_json::from_slice(&started_with).ok()?))
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

    /// Removes every epoch but this one.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep_only(&self, epoch: u32) -> Result<(), Error> {
        let keep = self.epoch(epoch);
        for path in entries(&self.root).map_err(Error::file(&self.root))? {
            let is_epoch = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("epoch-"));
            if is_epoch && path != keep {
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            bundle: text.as_bytes().to_vec(),
            signature: None,
            inventory: text.to_owned(),
        }
    }

    #[test]
    fn a_signature_is_kept_with_its_bundle() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let started_with = StartedWith::of(&source("a"));
        let signed = Source {
            signature: Some(b"signed".to_vec()),
            ..source("a")
        };
        state.save(1, &signed, &started_with).unwrap();
        assert_eq!(state.load(1).unwrap().0, signed);
        // Not beside another bundle of the same epoch.
        state.save(1, &source("b"), &started_with).unwrap();
        assert_eq!(state.load(1).unwrap().0, source("b"));
    }

    #[test]
    fn an_epoch_that_never_came_to_be_is_not_taken_for_the_one_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path());
        let started_with = StartedWith::of(&source("a"));
        state.save(1, &source("a"), &started_with).unwrap();
        state.save(2, &source("b"), &started_with).unwrap();
        assert_eq!(state.load(1).unwrap().0, source("a"));
        state.keep_only(1).unwrap();
        assert_eq!(state.load(1), Some((source("a"), started_with)));
        assert_eq!(state.load(2), None);
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
