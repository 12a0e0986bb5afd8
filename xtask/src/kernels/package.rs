//! Debian's kernel, from its package, which is unpacked and not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Result, error, output};

/// A package that depends on the current kernel: without drivers for hardware that QEMU has not got.
const CURRENT: &str = "linux-image-cloud-amd64";

/// A kernel, unpacked.
pub(super) struct Kernel {
    /// `6.1.0-…`
    pub(super) version: String,
    /// The image to boot.
    pub(super) image: PathBuf,
    /// Where its modules are.
    pub(super) modules: PathBuf,
}

/// Fetches the kernel, unless that was done before.
pub(super) fn fetch() -> Result<Kernel> {
    let depends = output(Command::new("apt-cache").args(["depends", CURRENT]))?;
    let package = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|package| package.starts_with("linux-image-"));
    let Some(package) = package else {
        return error(format!("`apt-cache` knows no package `{CURRENT}`"));
    };
    let version = package.trim_start_matches("linux-image-").to_owned();
    let directory = run::target().join("kernels").join(&version);
    let kernel = Kernel {
        image: directory.join(format!("boot/vmlinuz-{version}")),
        modules: directory.join(format!("lib/modules/{version}")),
        version,
    };
    if !kernel.image.exists() {
        unpack(package, &directory)?;
    }
    Ok(kernel)
}

fn unpack(package: &str, directory: &Path) -> Result<()> {
    let made = fs::create_dir_all(directory);
    if let Err(cause) = made {
        return error(format!("cannot make `{}`: {cause}", directory.display()));
    }
    run::run(
        Command::new("apt-get")
            .args(["download", "-q", package])
            .current_dir(directory),
    )?;
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut archives = files.map(|file| file.path());
    match archives.find(|path| path.extension().is_some_and(|one| one == "deb")) {
        Some(archive) => run::run(
            Command::new("dpkg-deb")
                .arg("-x")
                .args([&archive, directory]),
        ),
        None => error(format!("`apt-get download {package}` left no package")),
    }
}
