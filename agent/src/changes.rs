//! Being told when files change, instead of looking at all of them all the time.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tracing::debug;

use crate::inventory_source::Look;

/// How often to look everywhere all the same: links may lead to other directories, writers may keep
/// their files open, and not every file system tells.
const EVERYWHERE: Duration = Duration::from_secs(30);
/// How often where nobody tells.
const UNTOLD: Duration = Duration::from_millis(200);

/// What changes in a directory, or about a file.
pub(crate) struct Changes {
    /// Who tells. `None` where the kernel does not.
    told: Option<(RecommendedWatcher, Receiver<notify::Result<notify::Event>>)>,
    looked: Instant,
}

impl Changes {
    /// Of this directory, or of this file and what else is in its directory.
    pub(crate) fn of(path: &Path) -> Self {
        let directory = if path.is_dir() {
            Some(path)
        } else {
            path.parent()
        };
        let watch = |directory: &Path| {
            let (send, receive) = mpsc::channel();
            let mut watcher = notify::recommended_watcher(send)?;
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
            Ok::<_, notify::Error>((watcher, receive))
        };
        let told = directory.map(watch).transpose();
        if let Err(error) = &told {
            debug!("nobody tells what changes: {error}");
        }
        Self {
            told: told.ok().flatten(),
            looked: Instant::now(),
        }
    }

    /// Waits until something may have changed, for no longer than `patience`. `None` where nothing has.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<Look> {
        let everywhere = self.told.as_ref().map_or(UNTOLD, |_| EVERYWHERE);
        let due = everywhere.saturating_sub(self.looked.elapsed());
        let mut paths = BTreeSet::new();
        let is_everywhere = match &self.told {
            None => {
                std::thread::sleep(due.min(patience));
                false
            }
            Some((_, events)) => match events.recv_timeout(due.min(patience)) {
                Ok(event) => {
                    let more = events.try_iter();
                    // All of them, whatever the first ones say.
                    let unclear: Vec<bool> = [event]
                        .into_iter()
                        .chain(more)
                        .map(|event| !add(&mut paths, event))
                        .collect();
                    unclear.contains(&true)
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => {
                    self.told = None;
                    true
                }
            },
        };
        if is_everywhere || self.looked.elapsed() >= everywhere {
            self.looked = Instant::now();
            return Some(Look::Everywhere);
        }
        (!paths.is_empty()).then_some(Look::At(paths))
    }
}

/// Adds the paths that an event is about. `false` where it is not clear what has changed.
fn add(paths: &mut BTreeSet<PathBuf>, event: notify::Result<notify::Event>) -> bool {
    let Ok(event) = event else { return false };
    if event.need_rescan() {
        return false;
    }
    // What is written is read when it has been.
    let is_whole = |path: &PathBuf| match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Create(_) => path.is_symlink() || path.is_dir(),
        EventKind::Modify(notify::event::ModifyKind::Data(_)) | EventKind::Access(_) => false,
        _ => true,
    };
    paths.extend(event.paths.iter().filter(|path| is_whole(path)).cloned());
    // `..data` and the like, which mounted volumes switch: the files are behind it.
    let is_switch = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b"..")
    };
    !event.paths.iter().any(is_switch)
}
