//! Trials: keeping in force what is on trial, or putting in force again what was before.

use std::sync::Arc;

use tracing::{info, warn};

use super::Agent;
use crate::{
    Error,
    api::Response,
    candidate::{Candidate, MissingInterface},
    state_dir::Source,
};

impl Agent {
    /// Keeps in force what is on trial.
    ///
    /// # Errors
    /// Nothing is.
    pub(crate) fn confirm(&self) -> Result<Response, Error> {
        let mut inner = self.lock();
        let trial = inner.trial.take().ok_or(Error::NoTrial)?;
        self.state_dir.end_trial()?;
        self.keep_only(inner.dataplane.state().epoch());
        info!(epoch = trial.epoch, "is confirmed");
        Ok(Response::Confirmed { epoch: trial.epoch })
    }

    /// Puts in force again what was before the trial that began with this epoch. Whether that was still
    /// on. What has changed meanwhile besides, such as an inventory that is followed, stays.
    ///
    /// # Errors
    /// It cannot be put in force; the trial is still on then.
    pub(crate) fn end_trial(&self, epoch: u32) -> Result<bool, Error> {
        let mut inner = self.lock();
        let Some(trial) = inner.trial.as_ref().filter(|trial| trial.epoch == epoch) else {
            return Ok(false);
        };
        let now = &inner.candidate.source;
        let of_inventory = if trial.is_of_inventory {
            &trial.before
        } else {
            now
        };
        let source = Source {
            inventory: Arc::clone(&of_inventory.inventory),
            inventory_digest: of_inventory.inventory_digest.clone(),
            endpoints: Arc::clone(&now.endpoints),
            ..trial.before.clone()
        };
        let paths = trial.paths.clone();
        let candidate = Candidate::after(
            inner.before().as_deref(),
            source,
            &self.trust,
            [&paths[0], &paths[1]],
            MissingInterface::Skip,
        )?;
        self.put_in_force(&mut inner, candidate)?;
        inner.trial = None;
        [inner.bundle_path, inner.inventory_path] = paths;
        self.state_dir.end_trial()?;
        self.keep_only(inner.dataplane.state().epoch());
        Ok(true)
    }

    /// Ends a trial before its time, as nobody will be there to do it then.
    pub(crate) fn abandon_trial(&self) {
        let epoch = self.lock().trial.as_ref().map(|trial| trial.epoch);
        match epoch.map(|epoch| self.end_trial(epoch)) {
            Some(Ok(true)) => info!("what was in force before the trial is in force again"),
            Some(Err(error)) => warn!("the next agent ends the trial: {error}"),
            _ => {}
        }
    }
}
