//! Builds the datapath, then the binaries that carry it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    run::{self, Result, error, root, target},
    setup,
};

/// Optional features that tests and lints build, so that nothing in them rots.
pub(crate) const EVERY_FEATURE: [&str; 2] = ["--features", "polc/prevail"];

/// The datapath object, where `agent/build.rs` looks for it.
pub(crate) fn datapath() -> Result<PathBuf> {
    let tools = setup::ensure()?;
    let out = target().join("datapath");
    let mut cargo = tools.toolchain.cargo();
    // The linker must be found before anything else, and Debian's compiler before rustup's.
    cargo.env(
        "PATH",
        run::path_with(&[&tools.linker, Path::new("/usr/bin")]),
    );
    cargo.current_dir(root().join("runtime-bpf/datapath"));
    cargo
        .args(["build", "--release", "--quiet", "--locked", "--target-dir"])
        .arg(&out);
    run::run(&mut cargo)?;
    let built = out.join("bpfel-unknown-none/release/polc-datapath");
    let object = out.join("polc-datapath");
    // Only when it changed, or the agent would be built again each time.
    let (new, old) = (std::fs::read(&built), std::fs::read(&object));
    let Ok(new) = new else {
        return error(format!("the build left no `{}`", built.display()));
    };
    if old.ok().as_ref() != Some(&new)
        && let Err(cause) = std::fs::write(&object, new)
    {
        return error(format!("cannot write `{}`: {cause}", object.display()));
    }
    Ok(object)
}

/// The datapath and both binaries.
pub(crate) fn all() -> Result<()> {
    let object = datapath()?;
    run::run(run::cargo().env("POLC_DATAPATH", object).args([
        "build",
        "--locked",
        "--package",
        "polc",
        "--package",
        "polc-agent",
    ]))
}

/// One of our binaries, as [`all`] builds them, run from the repository's root.
pub(crate) fn binary(name: &str) -> Result<Command> {
    let path = target().join("debug").join(name);
    if !path.is_file() {
        return error(format!(
            "`{}` is missing; run `cargo xtask build`",
            path.display()
        ));
    }
    let mut command = Command::new(path);
    command.current_dir(root());
    Ok(command)
}
