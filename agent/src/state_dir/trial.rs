//! That a trial is on, on disk: an agent that finds one of an agent before ends it.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    sync::{MutexGuard, PoisonError},
};

use super::{StateDir, write_through};
use crate::Error;

impl StateDir {
    /// Writes down that a trial is on, and which epoch comes back when it ends: that one is kept until
    /// then.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin_trial(&self, before: u32) -> Result<(), Error> {
        let (path, unfinished) = (self.trial(), self.root.join("trial.tmp"));
        write_through(&unfinished, before.to_string().as_bytes())
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| File::open(&self.root)?.sync_all())
            .map_err(Error::state(&path))?;
        *self.before_trial() = Some(before);
        Ok(())
    }

    /// Writes down that no trial is on.
    ///
    /// # Errors
    /// What the system says; not that there was none.
    pub fn end_trial(&self) -> Result<(), Error> {
        let path = self.trial();
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file(path)(cause));
            }
            _ => {}
        }
        *self.before_trial() = None;
        Ok(())
    }

    /// The epoch that comes back, where an agent before has left a trial on.
    #[must_use]
    pub fn trial_of_before(&self) -> Option<u32> {
        fs::read_to_string(self.trial()).ok()?.trim().parse().ok()
    }

    fn trial(&self) -> PathBuf {
        self.root.join("trial")
    }

    pub(super) fn before_trial(&self) -> MutexGuard<'_, Option<u32>> {
        self.before_trial
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
