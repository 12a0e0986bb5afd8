//! Running the polc command on files of a test.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(unreachable_pub, reason = "the module is all there is to reach")]

pub mod suite;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// A package with a policy, for tests that are about what is made of it.
pub const SMALL_PACKAGE: &str = "package shop
endpoints cart = { app: \"cart\" }
policy web for { app: \"web\" } {
  ingress {
    deny  from 203.0.113.0/24
    allow from world on tcp 443 | icmp echo_request
    allow from cart  on tcp 8080..8089
  }
}
";

/// A directory with files, removed at the end.
pub struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs polc in the directory, without colours.
    pub fn polc(&self, arguments: &[&str]) -> Run {
        let output = command(arguments)
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        Run::from(output)
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polc"));
    command.args(arguments).env_clear();
    command
}

/// How a run ended and what it wrote.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// For snapshots.
    pub fn shown(&self, arguments: &[&str]) -> String {
        format!(
            "$ polc {}\nexit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            arguments.join(" "),
            self.code,
            self.out,
            self.err,
        )
    }
}

/// Snapshots stand together at the top of the repository.
pub fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../../../snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
