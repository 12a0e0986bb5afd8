//! Where the inventory comes from: a file, or a directory whose files are parts of it.
//!
//! Of a directory, only what may have changed is read: the files that somebody names, or all whose
//! modification time, length or inode is another, and those that are so new that they could change again
//! without these changing. Parts that did not change keep their endpoints, so that whoever compares two
//! inventories compares pointers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use polc_inventory::{Endpoint, Inventory, InventoryError, Part, PartRef, ThisNode, is_part};
use polc_model::Labels;
use sha2::{Digest as _, Sha256};

use crate::Error;

/// A file that changed so shortly ago may change again at what its file system takes for the same time.
const UNSETTLED: Duration = Duration::from_millis(50);
/// What stands for the name of a file that is not in a directory of parts.
const FILE: &str = "";

/// What an inventory was read from, in short: equal where the texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InventoryDigest([u8; 32]);

impl InventoryDigest {
    /// Of one text.
    #[must_use]
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Of texts in order, with their names.
    fn of_all<'d>(all: impl IntoIterator<Item = (&'d str, Self)>) -> Self {
        let mut hash = Sha256::new();
        for (name, digest) in all {
            hash.update(name);
            hash.update([0]);
            hash.update(digest.0);
        }
        Self(hash.finalize().into())
    }

    /// In hexadecimal digits.
    #[must_use]
    pub(crate) fn to_hex(self) -> String {
        crate::state_dir::hex(&self.0)
    }
}

/// An inventory, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What it says.
    pub(crate) inventory: Arc<Inventory>,
    /// What it was read from.
    pub(crate) digest: InventoryDigest,
    /// When the oldest of the changes since the reading before was written.
    pub(crate) changed: Option<SystemTime>,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Everywhere,
    /// At these paths, which may be anything in the directory.
    At(BTreeSet<PathBuf>),
}

/// Where the inventory comes from, and what is known of it.
#[derive(Debug)]
pub(crate) struct InventorySource {
    path: PathBuf,
    this_node: ThisNode,
    /// By name in the directory. Of a file, it alone.
    parts: BTreeMap<String, Known>,
    /// Files that cannot be read as parts, and why.
    broken: BTreeMap<String, String>,
    /// Pods of one deployment have the same labels: each set of them is there once.
    labels: BTreeSet<Arc<Labels>>,
    /// The last inventory that all parts made together.
    last: Option<Arc<Inventory>>,
    /// Whether what is known now has not been read as a whole yet.
    is_new: bool,
    changed: Option<SystemTime>,
}

/// A part, and what it was read from.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    digest: InventoryDigest,
    part: Kept,
}

/// A part, as short as it can be: most are one endpoint.
#[derive(Debug)]
enum Kept {
    Endpoint(Arc<Endpoint>),
    Endpoints(Box<[Arc<Endpoint>]>),
    Whole(Box<Part>),
}

impl Kept {
    fn new(part: Part) -> Self {
        match part.into_endpoints() {
            Ok(endpoints) => match <[_; 1]>::try_from(endpoints.into_vec()) {
                Ok([endpoint]) => Self::Endpoint(endpoint),
                Err(endpoints) => Self::Endpoints(endpoints.into()),
            },
            Err(part) => Self::Whole(part),
        }
    }

    fn endpoints(&self) -> &[Arc<Endpoint>] {
        match self {
            Self::Endpoint(endpoint) => std::slice::from_ref(endpoint),
            Self::Endpoints(endpoints) => endpoints,
            Self::Whole(part) => &part.endpoints,
        }
    }

    fn as_part(&self) -> PartRef<'_> {
        match self {
            Self::Whole(part) => PartRef::Whole(part),
            _ => PartRef::Endpoints(self.endpoints()),
        }
    }
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
    pub(crate) const fn new(path: PathBuf, this_node: ThisNode) -> Self {
        Self {
            path,
            this_node,
            parts: BTreeMap::new(),
            broken: BTreeMap::new(),
            labels: BTreeSet::new(),
            last: None,
            is_new: true,
            changed: None,
        }
    }

    /// The inventory, whatever is known of it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_once(path: &Path, this_node: &ThisNode) -> Result<Reading, Error> {
        Self::new(path.to_owned(), this_node.clone()).read_all()
    }

    /// As [`Self::read_once`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_all(&mut self) -> Result<Reading, Error> {
        self.look_everywhere()?;
        self.whole()
    }

    /// The file or directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The inventory, unless nothing has changed since [`Self::is_used`] was said of it.
    ///
    /// # Errors
    /// It cannot be read, or it is none. The next call tries again.
    pub(crate) fn read(&mut self, look: &Look) -> Result<Option<Reading>, Error> {
        match look {
            Look::At(paths) if self.path.is_dir() => {
                for path in paths {
                    let name = path.file_name().and_then(|name| name.to_str());
                    if let Some(name) = name.filter(|name| is_part(name))
                        && path.parent() == Some(&*self.path)
                    {
                        self.look_at(name, path)?;
                    }
                }
                for name in std::mem::take(&mut self.broken).into_keys() {
                    let path = self.path.join(&name);
                    self.look_at(&name, &path)?;
                }
            }
            Look::At(_) | Look::Everywhere => self.look_everywhere()?,
        }
        if self.is_new || !self.broken.is_empty() {
            self.whole().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Says that what was read last is in force, or is what was in force.
    pub(crate) const fn is_used(&mut self) {
        self.is_new = false;
        self.changed = None;
    }

    fn look_everywhere(&mut self) -> Result<(), Error> {
        self.broken.clear();
        if !self.path.is_dir() {
            let path = self.path.clone();
            // A file takes the place of what was a directory.
            self.parts.retain(|name, _| name == FILE);
            fs::metadata(&path).map_err(Error::file(&path))?;
            return self.look_at(FILE, &path);
        }
        let found = files(&self.path).map_err(Error::file(&self.path))?;
        let gone = self.parts.keys().filter(|name| !found.contains(*name));
        let gone: Vec<String> = gone.cloned().collect();
        for name in gone.iter().chain(&found) {
            let path = self.path.join(name);
            self.look_at(name, &path)?;
        }
        // Files come in order, which leaves a tree that grew half empty.
        self.parts = std::mem::take(&mut self.parts).into_iter().collect();
        // Those that only this set has.
        self.labels.retain(|labels| Arc::strong_count(labels) > 1);
        Ok(())
    }

    /// Reads a file again if it has changed, or forgets it if it has gone.
    fn look_at(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let stamp = match Stamp::of(path) {
            Ok(stamp) => stamp,
            Err(error) if gone(&error) => {
                if self.parts.remove(name).is_some() {
                    self.note(SystemTime::now());
                }
                return Ok(());
            }
            Err(error) => return Err(Error::file(path)(error)),
        };
        let known = self.parts.get(name);
        if known.is_some_and(|known| known.stamp.still_holds(stamp)) {
            return Ok(());
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            // The next look sees it.
            Err(error) if gone(&error) => return Ok(()),
            Err(error) => return Err(Error::file(path)(error)),
        };
        let digest = InventoryDigest::of(&text);
        if let Some(known) = self.parts.get_mut(name)
            && known.digest == digest
        {
            known.stamp = stamp;
            return Ok(());
        }
        let mut part = match Part::parse(&text) {
            Ok(part) => part,
            Err(error) => {
                self.broken.insert(name.to_owned(), error.to_string());
                return Ok(());
            }
        };
        self.share(&mut part, name);
        self.note(stamp.modified);
        let known = Known {
            stamp,
            digest,
            part: Kept::new(part),
        };
        self.parts.insert(name.to_owned(), known);
        Ok(())
    }

    /// Shares what the part has in common with the one before and with others.
    fn share(&mut self, part: &mut Part, name: &str) {
        if let Some(before) = self.parts.get(name) {
            part.share_endpoints(before.part.endpoints());
        }
        for endpoint in &mut part.endpoints {
            let Some(endpoint) = Arc::get_mut(endpoint) else {
                continue;
            };
            endpoint.addresses.shrink_to_fit();
            match self.labels.get(&endpoint.labels) {
                Some(same) => endpoint.labels = Arc::clone(same),
                None => {
                    self.labels.insert(Arc::clone(&endpoint.labels));
                }
            }
        }
    }

    fn note(&mut self, changed: SystemTime) {
        self.is_new = true;
        self.changed = Some(self.changed.map_or(changed, |known| known.min(changed)));
    }

    /// What all parts say together.
    fn whole(&mut self) -> Result<Reading, Error> {
        if let Some((name, cause)) = self.broken.first_key_value() {
            return Err(Error::Inventory {
                path: match name.as_str() {
                    FILE => self.path.clone(),
                    name => self.path.join(name),
                },
                cause: cause.clone(),
            });
        }
        let parts = self.parts.iter();
        let parts = parts.map(|(name, one)| (name.as_str(), one.part.as_part()));
        let inventory = Inventory::after(self.last.as_deref(), parts, &self.this_node)
            .map_err(refused(&self.path))?;
        let digests = self.parts.iter();
        let digests = digests.map(|(name, one)| (name.as_str(), one.digest));
        // What the same texts say of another node is something else.
        let node = (inventory.node.name.as_str(), InventoryDigest([0; 32]));
        let digest = InventoryDigest::of_all(digests.chain([node]));
        let inventory = Arc::new(inventory);
        self.last = Some(Arc::clone(&inventory));
        Ok(Reading {
            inventory,
            digest,
            changed: self.changed,
        })
    }
}

/// The names of a directory's files that are parts.
fn files(directory: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        if let Some(name) = entry?.file_name().to_str().filter(|name| is_part(name)) {
            files.insert(name.to_owned());
        }
    }
    Ok(files)
}

pub(crate) fn refused(path: &Path) -> impl FnOnce(InventoryError) -> Error + use<> {
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

    fn source(path: &Path) -> InventorySource {
        InventorySource::new(path.to_owned(), ThisNode::AsSaid)
    }

    /// What it says now, taken as used.
    fn read(source: &mut InventorySource) -> Option<Reading> {
        let reading = source.read(&Look::Everywhere).unwrap();
        source.is_used();
        reading
    }

    fn names(reading: Option<Reading>) -> Vec<String> {
        let endpoints = &reading.unwrap().inventory.endpoints;
        endpoints
            .iter()
            .map(|endpoint| endpoint.name.clone())
            .collect()
    }

    #[test]
    fn a_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory");
        fs::write(&path, NODE).unwrap();
        let mut source = source(&path);
        assert!(read(&mut source).is_some());
        assert!(read(&mut source).is_none());
        fs::write(&path, format!("{NODE}{}", endpoint("a", "x"))).unwrap();
        assert_eq!(names(read(&mut source)), ["a"]);
        fs::remove_file(&path).unwrap();
        source.read(&Look::Everywhere).unwrap_err();
    }

    #[test]
    fn a_directory_is_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("node.yaml", NODE);
        write("a.yaml", &endpoint("a", "x"));
        write(".b.yaml", "not yet");
        write("readme.md", "not at all");
        let mut source = source(folder.path());
        assert_eq!(names(read(&mut source)), ["a"]);
        assert!(read(&mut source).is_none());

        write("bb.yaml", &endpoint("bb", "x"));
        assert_eq!(names(read(&mut source)), ["a", "bb"]);
        // As often as it likes, and of the same length.
        for label in ["y", "z", "x", "y"] {
            write("bb.yaml", &endpoint("bb", label));
            let reading = read(&mut source).unwrap();
            let labels = &reading.inventory.endpoints[1].labels;
            assert_eq!(labels.values().collect::<Vec<_>>(), [label]);
        }
        fs::remove_file(folder.path().join("a.yaml")).unwrap();
        assert_eq!(names(read(&mut source)), ["bb"]);
    }

    #[test]
    fn only_what_is_named_is_looked_at_and_the_rest_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("node.yaml", NODE);
        write("a.yaml", &endpoint("a", "x"));
        write("bb.yaml", &endpoint("bb", "x"));
        let mut source = source(folder.path());
        let before = read(&mut source).unwrap();
        write("a.yaml", &endpoint("a", "y"));
        write("bb.yaml", &endpoint("bb", "y"));
        let look = Look::At([folder.path().join("bb.yaml"), folder.path().join(".hidden")].into());
        let after = source.read(&look).unwrap().unwrap();
        let [before, after] = [&before, &after].map(|reading| &reading.inventory.endpoints);
        assert!(Arc::ptr_eq(&before[0], &after[0]));
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn the_digest_is_of_the_texts_and_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let digest = || {
            InventorySource::read_once(folder.path(), &ThisNode::AsSaid)
                .unwrap()
                .digest
        };
        write("node.yaml", NODE);
        let first = digest();
        assert_eq!(digest(), first);
        write("a.yaml", "");
        let second = digest();
        assert_ne!(second, first);
        fs::rename(folder.path().join("a.yaml"), folder.path().join("b.yaml")).unwrap();
        assert_ne!(digest(), second);
    }

    #[test]
    fn a_broken_part_is_named_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("node.yaml", NODE);
        write("a.yaml", "endpoints: [");
        let mut source = source(folder.path());
        fs::rename(folder.path().join("a.yaml"), folder.path().join("a")).unwrap();
        assert!(read(&mut source).is_some());
        fs::rename(folder.path().join("a"), folder.path().join("a.yaml")).unwrap();
        let nowhere = Look::At(BTreeSet::new());
        for look in [&Look::Everywhere, &nowhere, &Look::Everywhere] {
            let error = source.read(look).unwrap_err().to_string();
            assert!(error.contains("a.yaml"), "{error}");
        }
        write("a.yaml", &endpoint("a", "x"));
        write("b.yaml", &endpoint("a", "x"));
        for look in [&Look::Everywhere, &nowhere] {
            let error = source.read(look).unwrap_err().to_string();
            assert!(error.contains("endpoint `a` occurs twice"), "{error}");
        }
        fs::remove_file(folder.path().join("b.yaml")).unwrap();
        assert_eq!(names(read(&mut source)), ["a"]);
    }
}
