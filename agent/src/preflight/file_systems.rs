//! What is mounted.

use std::{io, path::Path};

use super::{Finding, privileges};
use crate::sys::mount::FileSystem;

/// The BPF file system, where things are pinned.
pub(super) fn bpf(path: &Path) -> Finding {
    let shown = path.display();
    match FileSystem::Bpf.is_at(path) {
        Ok(true) => Finding::ok("bpffs", format!("mounted at {shown}")),
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Finding::missing("bpffs", format!("{shown}: {cause}"))
        }
        _ if privileges::may_mount() => Finding::substitute(
            "bpffs",
            format!("the agent mounts it at {shown} when it starts"),
        ),
        _ => Finding::missing(
            "bpffs",
            format!("not mounted; `mount -t bpf bpf {shown}`, or run the agent with CAP_SYS_ADMIN"),
        ),
    }
}

/// The hierarchy of cgroup v2, which nothing of the agent needs yet.
pub(super) fn cgroup2() -> Finding {
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let found = places
        .iter()
        .find(|place| matches!(FileSystem::Cgroup2.is_at(Path::new(place)), Ok(true)));
    match found {
        Some(place) => Finding::ok("cgroup v2", format!("mounted at {place}")),
        None => Finding::substitute("cgroup v2", "not mounted; nothing is used instead"),
    }
}
