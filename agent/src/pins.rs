//! Where things are pinned, so that they outlive the agent.
//!
//! ```text
//! BPFFS/polc/NAME/v7/maps/flows ...          the maps, of one ABI version
//! BPFFS/polc/NAME/v7/links/from_endpoint-7   tcx links, by hook and interface index
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use polc_abi::ABI_VERSION;

use crate::sys::link;

/// The directories of one agent.
#[derive(Clone, Debug)]
pub struct Pins {
    root: PathBuf,
    abi_version: u32,
}

impl Pins {
    /// The pins of the agent called `name` on the BPF file system at `bpffs`.
    #[must_use]
    pub fn new(bpffs: &Path, name: &str) -> Self {
        Self {
            root: bpffs.join("polc").join(name),
            abi_version: ABI_VERSION,
        }
    }

    /// The pins of every agent that has some on the BPF file system at `bpffs`.
    ///
    /// # Errors
    /// What the kernel says; not that there are none.
    pub fn all(bpffs: &Path) -> io::Result<Vec<Self>> {
        let roots = entries(&bpffs.join("polc"))?;
        let of = |root| Self {
            root,
            abi_version: ABI_VERSION,
        };
        Ok(roots.into_iter().map(of).collect())
    }

    /// The pins of this agent in other ABI versions.
    ///
    /// # Errors
    /// What the kernel says; not that there are none.
    pub fn other_versions(&self) -> io::Result<Vec<(u32, Self)>> {
        let versions = entries(&self.root)?.into_iter().filter_map(|version| {
            let version = version.file_name()?.to_str()?.strip_prefix('v')?;
            version.parse().ok()
        });
        let others = versions.filter(|version| *version != self.abi_version);
        let of = |abi_version| Self {
            root: self.root.clone(),
            abi_version,
        };
        Ok(others.map(|version| (version, of(version))).collect())
    }

    /// Makes the directories.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(self.version().join("maps"))?;
        fs::create_dir_all(self.links())
    }

    /// Where a map is pinned.
    #[must_use]
    pub fn map(&self, name: &str) -> PathBuf {
        self.version().join("maps").join(name)
    }

    /// Where links are pinned.
    #[must_use]
    pub fn links(&self) -> PathBuf {
        self.version().join("links")
    }

    /// Where the link of a hook on an interface is pinned. By index: another interface of the same
    /// name is another interface.
    #[must_use]
    pub fn link(&self, hook: &str, ifindex: u32) -> PathBuf {
        self.links().join(link_name(hook, ifindex))
    }

    /// Whether anything is pinned.
    #[must_use]
    pub fn exist(&self) -> bool {
        self.root.exists()
    }

    /// Removes every pin of this agent, links first. What no one else holds is gone then.
    ///
    /// # Errors
    /// What the kernel says; not that there is nothing.
    pub fn remove(&self) -> io::Result<()> {
        for version in entries(&self.root)? {
            for pin in entries(&version.join("links"))? {
                link::detach(&pin)?;
            }
            for pin in entries(&version.join("maps"))? {
                fs::remove_file(pin)?;
            }
        }
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // What agents of other names have in it stays.
        match self.root.parent().map(fs::remove_dir) {
            Some(Err(error))
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Removes the hooks of agents of other ABI versions from where this version's have taken their
    /// place, and their maps once no hook is left that needs them. A hook that nothing has taken the
    /// place of stays: it may be all that closes an interface.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn remove_other_versions(&self) -> io::Result<()> {
        for version in entries(&self.root)? {
            if version == self.version() {
                continue;
            }
            let mut is_left = false;
            for pin in entries(&version.join("links"))? {
                if pin
                    .file_name()
                    .is_some_and(|name| self.links().join(name).exists())
                {
                    link::detach(&pin)?;
                } else {
                    is_left = true;
                }
            }
            if !is_left {
                fs::remove_dir_all(&version)?;
            }
        }
        Ok(())
    }

    fn version(&self) -> PathBuf {
        self.root.join(format!("v{}", self.abi_version))
    }
}

/// What the pin of a hook's link is called.
pub(crate) fn link_name(hook: &str, ifindex: u32) -> String {
    format!("{hook}-{ifindex}")
}

/// The entries of a directory; none when it does not exist.
pub(crate) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
