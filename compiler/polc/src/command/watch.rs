//! `polc check --watch`: check again whenever a file changes.

use std::{
    path::Path,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use notify::{Event, RecursiveMode, Watcher as _};

use super::{check, finish};
use crate::{cli::CheckArguments, operational::OperationalError, output::Outcome, package};

/// Editors write a file in several steps; what follows so soon belongs to the same change.
const QUIET: Duration = Duration::from_millis(50);

/// Checks until interrupted. Returns only when it could not watch.
pub(super) fn run(arguments: &CheckArguments) -> Outcome {
    let (sender, changes) = mpsc::channel();
    let watcher = notify::recommended_watcher(move |event| {
        // Whoever listens ends with the process.
        let _ = sender.send(event);
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(cause) => return failed(arguments, Path::new("."), &cause),
    };
    for path in arguments.paths.iter().chain(&arguments.inventory) {
        if let Err(cause) = watcher.watch(path, RecursiveMode::Recursive) {
            return failed(arguments, path, &cause);
        }
    }
    let mut packages = Vec::new();
    loop {
        let loaded = package::reload(&arguments.paths, packages);
        (_, packages) = check::once(arguments, loaded);
        if !wait(&changes) {
            return Outcome::CouldNotRun;
        }
    }
}

/// Waits for a change, and until no more follow. Whether there may be others.
fn wait(changes: &Receiver<notify::Result<Event>>) -> bool {
    loop {
        match changes.recv() {
            Ok(Ok(event)) if matters(&event) => break,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    while changes.recv_timeout(QUIET).is_ok() {}
    true
}

/// Reading a file is an event, too, and ours.
fn matters(event: &Event) -> bool {
    !event.kind.is_access()
}

fn failed(arguments: &CheckArguments, path: &Path, cause: &notify::Error) -> Outcome {
    let error = OperationalError::CannotWatch {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    finish(
        &[],
        &[error],
        arguments.format.of_errors(),
        Outcome::CouldNotRun,
    )
}
