//! A network namespace of our own.

use std::{
    fs::{self, File},
    io,
    path::Path,
    thread,
};

use crate::{ip, sys};

/// Where iproute2 keeps named namespaces.
const DIRECTORY: &str = "/run/netns";
/// Every name begins with this, then comes the maker's process id.
const PREFIX: &str = "polc-";

/// A network namespace, removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
}

impl Namespace {
    /// Makes a namespace called `polc-PID-LABEL`.
    ///
    /// # Errors
    /// There is one already, or the system says no.
    pub fn new(label: &str) -> io::Result<Self> {
        let name = format!("{PREFIX}{}-{label}", std::process::id());
        ip::ip(&["netns", "add", &name])?;
        let file = File::open(Path::new(DIRECTORY).join(&name))?;
        let namespace = Self { name, file };
        namespace.run(|| {
            // Addresses are usable at once: nobody else has them.
            for sysctl in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{sysctl}/accept_dad");
                fs::write(path, "0")?;
            }
            ip::batch("link set lo up\n")
        })??;
        Ok(namespace)
    }

    /// Its name, for `ip -n NAME` and `ip netns exec NAME`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs something on a thread inside the namespace. Sockets, threads and processes that it
    /// makes stay there.
    ///
    /// # Errors
    /// The namespace cannot be entered, or the thread panics.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    sys::enter(&self.file)?;
                    Ok(work())
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip::ip(&["netns", "delete", &self.name]);
    }
}

/// Removes namespaces whose makers are gone.
///
/// # Errors
/// They cannot be listed.
pub(crate) fn sweep() -> io::Result<()> {
    let entries = match fs::read_dir(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| !sys::is_alive(pid)) {
            let deleted = ip::ip(&["netns", "delete", name]);
            // Another test may sweep at the same time.
            if Path::new(DIRECTORY).join(name).exists() {
                deleted?;
            }
        }
    }
    Ok(())
}
