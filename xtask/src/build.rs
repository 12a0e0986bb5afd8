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
    let Ok(new) = std::fs::read(&built) else {
        return error(format!("the build left no `{}`", built.display()));
    };
    let new = without_dwarf(&new)
        .or_else(|cause| error(format!("cannot strip `{}`: {cause}", built.display())))?;
    // Only when it changed, or the agent would be built again each time.
    if std::fs::read(&object).ok().as_ref() != Some(&new)
        && let Err(cause) = std::fs::write(&object, new)
    {
        return error(format!("cannot write `{}`: {cause}", object.display()));
    }
    Ok(object)
}

/// An object without its debugging information, which is most of it: BTF was made of it, and nobody else
/// asks.
fn without_dwarf(object: &[u8]) -> object::build::Result<Vec<u8>> {
    let mut builder = object::build::elf::Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        let name = name.strip_prefix(b".rel").unwrap_or(name);
        section.delete = name.starts_with(b".debug_");
    }
    builder.delete_orphans();
    // LLVM has one table for the names of sections and symbols.
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = object::build::elf::SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
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
