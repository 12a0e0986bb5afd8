//! The file system that the machine boots into.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::package::Kernel;
use crate::run::{self, Error, Result, error, output, succeeds};

/// What the machine prints before a program's name and exit code.
pub(super) const ENDED: &str = "polc: ended: ";
/// Modules that the tests need, where the kernel has them as modules.
const MODULES: [&str; 3] = ["veth", "sch_ingress", "cls_bpf"];

/// A test program.
pub(super) struct Program {
    name: String,
    path: PathBuf,
}

/// Builds a test program of the agent.
pub(super) fn program(name: &str, object: &Path) -> Result<Program> {
    let printed = output(
        run::cargo()
            .env("POLC_DATAPATH", object)
            .args(["test", "--package", "polc-agent", "--test", name])
            .args(["--no-run", "--locked", "--message-format", "json"]),
    )?;
    let path = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            let built = message.get("target").and_then(|target| target.get("name"));
            built.and_then(serde_json::Value::as_str) == Some(name)
        })
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    match path {
        Some(path) => Ok(Program {
            name: name.to_owned(),
            path,
        }),
        None => error(format!("Cargo built no test program `{name}`")),
    }
}

/// Makes the initramfs: what the programs need, and an `init` that runs their tests.
pub(super) fn make(
    kernel: &Kernel,
    programs: &[Program],
    tests: &[(&str, &[&str])],
) -> Result<PathBuf> {
    let directory = run::target().join("kernels");
    let root = directory.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(on(&root))?;
    }
    for folder in ["bin", "proc", "sys", "dev", "tmp", "run", "modules"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).map_err(on(&folder))?;
    }
    let mut libraries = BTreeSet::new();
    let mut add = |from: &Path, to: &Path| -> Result<()> {
        libraries.extend(libraries_of(from)?);
        place(from, &root, to)
    };
    add(&find("busybox")?, Path::new("/bin/busybox"))?;
    add(&find("ip")?, Path::new("/bin/ip"))?;
    for program in programs {
        add(&program.path, &Path::new("/bin").join(&program.name))?;
    }
    // Where the node tests were built to find it.
    let agent = run::target().join("debug/polc-agent");
    add(&agent, &agent)?;
    for library in libraries {
        place(&library, &root, &library)?;
    }
    for name in MODULES {
        if let Some(module) = module(&kernel.modules, &format!("{name}.ko")) {
            place(&module, &root, &Path::new("/modules").join(name))?;
        }
    }
    let init = root.join("init");
    fs::write(&init, init_script(tests)).map_err(on(&init))?;
    run::run(Command::new("chmod").arg("+x").arg(&init))?;
    archive(&root, &directory.join("initramfs"))
}

fn init_script(tests: &[(&str, &[&str])]) -> String {
    let mut script = "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/bin\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev\n\
         mount -t tmpfs tmp /tmp; mount -t tmpfs run /run; mkdir -p /run/netns\n\
         mount -t cgroup2 cgroup /sys/fs/cgroup; mount -t bpf bpf /sys/fs/bpf\n\
         for module in /modules/*; do insmod $module; done\n\
         uname -r\n"
        .to_owned();
    for (name, filters) in tests {
        script.push_str(&format!(
            "{name} --test-threads 1 {} 2>&1; echo \"{ENDED}{name} $?\"\n",
            filters.join(" ")
        ));
    }
    script.push_str("poweroff -f\n");
    script
}

/// Writes the tree as the kernel unpacks it.
fn archive(root: &Path, to: &Path) -> Result<PathBuf> {
    let names = output(Command::new("find").arg(".").current_dir(root))?;
    let file = fs::File::create(to).map_err(on(to))?;
    let mut cpio = Command::new("cpio")
        .args(["--create", "--format", "newc", "--quiet"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(file)
        .spawn()
        .map_err(|cause| Error(format!("cannot run `cpio`: {cause}")))?;
    if let Some(mut input) = cpio.stdin.take() {
        input.write_all(names.as_bytes()).map_err(on(to))?;
        input.write_all(b"\n").map_err(on(to))?;
    }
    match cpio.wait() {
        Ok(status) if status.success() => Ok(to.to_owned()),
        _ => error("`cpio` failed"),
    }
}

/// Copies a file, without what only debuggers read.
fn place(from: &Path, root: &Path, to: &Path) -> Result<()> {
    let to = root.join(to.strip_prefix("/").unwrap_or(to));
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(on(folder))?;
    }
    // A module without its symbols is none.
    let is_module = from.extension().is_some_and(|extension| extension == "ko");
    let stripped =
        !is_module && succeeds(Command::new("strip").arg("-o").args([to.as_path(), from]));
    if !stripped {
        fs::copy(from, &to).map_err(on(from))?;
    }
    Ok(())
}

/// The libraries of a program, and its loader. None of a static one.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>> {
    let Ok(listed) = output(Command::new("ldd").arg(program)) else {
        return Ok(Vec::new());
    };
    let words = listed.split_whitespace();
    Ok(words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect())
}

fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places
        .find(|path| path.exists())
        .ok_or_else(|| Error(format!("there is no `{program}`")))
}

fn module(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = module(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}

fn on(path: &Path) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |cause| Error(format!("`{path}`: {cause}"))
}
