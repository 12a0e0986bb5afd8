//! System calls of a running agent that fail, or that kill it: strace's fault injection, so that there
//! is nothing of it in the agent.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::scene::Scene;

/// More than an apply takes of any kind.
pub(crate) const MOST_STEPS: usize = 1000;

/// How many steps to go at a time: this many, always the same ones, or one where `POLC_EVERY_STEP` is set.
pub(crate) fn stride(usual: usize) -> usize {
    match std::env::var_os("POLC_EVERY_STEP") {
        Some(_) => 1,
        None => usual,
    }
}

/// What becomes of a system call. strace counts for each thread by itself, and each request to the agent
/// has a thread of its own: its first call is number 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// The call with this number kills the agent instead of doing what it does.
    Kill(usize),
    /// The call with this number fails, and others do not.
    Fail(usize, &'static str),
    /// The call with this number fails, and all that follow.
    FailOn(usize, &'static str),
}

impl Fate {
    /// As strace has it.
    pub(crate) fn expression(self) -> String {
        match self {
            Self::Kill(number) => format!("signal=KILL:when={number}"),
            Self::Fail(number, error) => format!("error={error}:when={number}"),
            Self::FailOn(number, error) => format!("error={error}:when={number}+"),
        }
    }
}

/// strace, attached to the agent. Detached when dropped.
pub(crate) struct Injection {
    strace: Child,
    trace: PathBuf,
}

/// Says that the test is skipped, where there is no strace.
pub(crate) fn require_strace(test: &str) -> bool {
    let exists = Command::new("strace").arg("-V").output().is_ok();
    if !exists {
        eprintln!("skipped: {test}: there is no strace");
    }
    exists
}

impl Injection {
    /// From now on, this becomes of these calls of the agent's, which strace calls so.
    pub(crate) fn begin(scene: &Scene, calls: &str, fate: Fate) -> Self {
        let trace = scene.path("injected");
        let pid = scene.pid().to_string();
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-p", &pid, "-o"])
            .arg(&trace)
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{}", fate.expression())])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_traced(&pid) {
            let ended = strace.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "strace does not attach: {ended:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
        Self { strace, trace }
    }

    /// Ends it. Whether a call failed by it; nothing is said of those that killed.
    pub(crate) fn end(mut self) -> bool {
        self.detach();
        let trace = fs::read_to_string(&self.trace).unwrap();
        trace.contains("(INJECTED)")
    }

    fn detach(&mut self) {
        let pid = self.strace.id().to_string();
        // Has ended by itself when the agent has.
        let _ = Command::new("kill")
            .args(["-TERM", &pid])
            .stderr(Stdio::null())
            .status();
        // When the agent dies just now, strace may wait for what never comes.
        let deadline = Instant::now() + Duration::from_secs(2);
        while matches!(self.strace.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        if matches!(self.strace.try_wait(), Ok(None)) {
            self.detach();
        }
    }
}

/// Whether all threads of a process are traced.
fn is_traced(pid: &str) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.lines().any(|line| line == "TracerPid:\t0")
    })
}
