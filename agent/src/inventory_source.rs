//! Where the inventory comes from: a file, or a directory whose files are parts of it.
//!
//! A file is read again when its modification time, length or inode is another, and also while it is so
//! new that it could change again without these changing. So whoever looks often enough misses nothing,
//! and of a thousand files reads the one that changed.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use polc_inventory::{Inventory, Part};

use crate::Error;

/// A file that changed so shortly ago may change again at what its file system takes for the same time.
const UNSETTLED: Duration = Duration::from_millis(50);
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The inventory, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// As text: what the state directory keeps.
    pub(crate) text: String,
    /// What the text says.
    pub(crate) inventory: Arc<Inventory>,
    /// When the newest of the files that were read anew was written. `None` where one is gone and
    /// nothing else has changed.
    pub(crate) changed: Option<SystemTime>,
}

/// Where the inventory comes from, and what is known of it.
#[derive(Debug)]
pub(crate) struct InventorySource {
    path: PathBuf,
    /// The parts of a directory.
    parts: BTreeMap<PathBuf, (Stamp, Part)>,
    /// The only file, if it is one.
    file: Option<Stamp>,
}

/// What tells a file from what it was, and when it was asked.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
    asked: SystemTime,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let asked = SystemTime::now();
        let metadata = fs::metadata(path)?;
        Ok(Self {
            asked,
            modified: metadata.modified()?,
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Whether what was read right after this is what is there now.
    fn still_holds(self, now: Self) -> bool {
        let is_same =
            (self.modified, self.length, self.inode) == (now.modified, now.length, now.inode);
        let age = self.asked.duration_since(self.modified);
        is_same && age.is_ok_and(|age| age > UNSETTLED)
    }
}

impl InventorySource {
    /// The file or directory at this path, of which nothing has been read yet.
    #[must_use]
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            parts: BTreeMap::new(),
            file: None,
        }
    }

    /// The inventory as text, whatever is known of it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn text(path: &Path) -> Result<String, Error> {
        if path.is_dir() {
            let reading = Self::new(path.to_owned()).read()?;
            return Ok(reading.map(|reading| reading.text).unwrap_or_default());
        }
        fs::read_to_string(path).map_err(Error::file(path))
    }

    /// The inventory, unless nothing has changed since it was read the last time.
    ///
    /// # Errors
    /// It cannot be read, or it is none. The next call tries again.
    pub(crate) fn read(&mut self) -> Result<Option<Reading>, Error> {
        if self.path.is_dir() {
            self.read_directory()
        } else {
            self.read_file()
        }
    }

    fn read_file(&mut self) -> Result<Option<Reading>, Error> {
        let path = self.path.clone();
        let stamp = Stamp::of(&path).map_err(Error::file(&path))?;
        if self.file.is_some_and(|known| known.still_holds(stamp)) {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
        let inventory = Inventory::parse(&text).map_err(refused(&path))?;
        self.file = Some(stamp);
        Ok(Some(Reading {
            text,
            inventory: Arc::new(inventory),
            changed: Some(stamp.modified),
        }))
    }

    fn read_directory(&mut self) -> Result<Option<Reading>, Error> {
        let found = files(&self.path).map_err(Error::file(&self.path))?;
        let before = self.parts.len();
        self.parts.retain(|path, _| found.contains(path));
        let mut is_new = self.parts.len() != before;
        let mut changed = None;
        for path in found {
            let stamp = match Stamp::of(&path) {
                Ok(stamp) => stamp,
                // It went while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::file(&path)(error)),
            };
            let known = self.parts.get(&path);
            if known.is_some_and(|(known, _)| known.still_holds(stamp)) {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
            let part = Part::parse(&text).map_err(refused(&path))?;
            if known.is_none_or(|(_, known)| *known != part) {
                is_new = true;
                changed = changed.max(Some(stamp.modified));
            }
            self.parts.insert(path, (stamp, part));
        }
        if !is_new {
            return Ok(None);
        }
        let name = |path: &Path| {
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let named: Vec<(String, &Part)> = self
            .parts
            .iter()
            .map(|(path, (_, part))| (name(path).unwrap_or_default(), part))
            .collect();
        let whole = Inventory::of_parts(named.iter().map(|(name, part)| (name.as_str(), *part)))
            .and_then(|inventory| Ok((json(&inventory)?, inventory)));
        match whole {
            Ok((text, inventory)) => Ok(Some(Reading {
                text,
                inventory: Arc::new(inventory),
                changed,
            })),
            Err(cause) => {
                // All of it again, the next time: nothing of it is in force.
                self.parts.clear();
                Err(refused(&self.path)(cause))
            }
        }
    }
}

/// The files of a directory that are parts, in order. Hidden ones are not: editors and orchestrators
/// write them before they give them their names.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !is_hidden && extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// JSON is YAML.
fn json(inventory: &Inventory) -> Result<String, polc_inventory::InventoryError> {
    serde_json::to_string(inventory).map_err(|cause| polc_inventory::InventoryError {
        message: cause.to_string(),
        location: None,
    })
}

fn refused(path: &Path) -> impl FnOnce(polc_inventory::InventoryError) -> Error + use<> {
    let path = path.to_owned();
    move |cause| Error::Inventory {
        path,
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "node: { name: n }\n";

    fn endpoint(name: &str, label: &str) -> String {
        format!(
            "endpoints: [{{ name: {name}, addresses: [10.0.0.{}], labels: {{ a: {label} }} }}]\n",
            name.len()
        )
    }

    fn names(reading: &Reading) -> Vec<&str> {
        let endpoints = reading.inventory.endpoints.iter();
        endpoints.map(|endpoint| endpoint.name.as_str()).collect()
    }

    #[test]
    fn a_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        fs::write(&path, NODE).unwrap();
        let mut source = InventorySource::new(path.clone());
        assert!(source.read().unwrap().is_some());
        std::thread::sleep(UNSETTLED * 2);
        assert!(
            source.read().unwrap().is_some(),
            "it was too new to be sure"
        );
        std::thread::sleep(UNSETTLED * 2);
        assert!(source.read().unwrap().is_none());
        fs::write(&path, format!("{NODE}{}", endpoint("a", "x"))).unwrap();
        assert_eq!(names(&source.read().unwrap().unwrap()), ["a"]);
    }

    #[test]
    fn a_directory_is_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("node.yaml", NODE);
        write("a.yaml", &endpoint("a", "x"));
        write(".b.yaml", "not yet");
        write("readme.md", "not at all");
        let mut source = InventorySource::new(folder.path().to_owned());
        assert_eq!(names(&source.read().unwrap().unwrap()), ["a"]);
        assert!(source.read().unwrap().is_none());

        write("bb.yaml", &endpoint("bb", "x"));
        let reading = source.read().unwrap().unwrap();
        assert_eq!(names(&reading), ["a", "bb"]);
        assert_eq!(
            Inventory::parse(&reading.text).as_ref(),
            Ok(&*reading.inventory)
        );
        // As often as it likes, and of the same length.
        for label in ["y", "z", "x", "y"] {
            write("bb.yaml", &endpoint("bb", label));
            let reading = source.read().unwrap().unwrap();
            let labels = &reading.inventory.endpoints[1].labels;
            assert_eq!(labels.values().collect::<Vec<_>>(), [label]);
        }
        fs::remove_file(folder.path().join("a.yaml")).unwrap();
        assert_eq!(names(&source.read().unwrap().unwrap()), ["bb"]);
    }

    #[test]
    fn a_broken_part_is_named_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("node.yaml", NODE);
        write("a.yaml", "endpoints: [");
        let mut source = InventorySource::new(folder.path().to_owned());
        for _ in 0..2 {
            let error = source.read().unwrap_err().to_string();
            assert!(error.contains("a.yaml"), "{error}");
        }
        write("a.yaml", &endpoint("a", "x"));
        write("b.yaml", &endpoint("a", "x"));
        for _ in 0..2 {
            let error = source.read().unwrap_err().to_string();
            assert!(error.contains("endpoint `a` occurs twice"), "{error}");
        }
        fs::remove_file(folder.path().join("b.yaml")).unwrap();
        assert_eq!(names(&source.read().unwrap().unwrap()), ["a"]);
    }
}
