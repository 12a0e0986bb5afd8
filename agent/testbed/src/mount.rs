//! A BPF file system that a test made.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Unmounts a path when dropped, also when the test fails. Programs and maps that are pinned
/// there go with it.
#[derive(Debug)]
pub struct Unmount(PathBuf);

impl Unmount {
    /// A guard for whatever will be mounted at this path.
    #[must_use]
    pub fn on_drop(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for Unmount {
    fn drop(&mut self) {
        // Fails when nothing was mounted after all.
        let _ = Command::new("umount")
            .arg(&self.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
