//! How long programs take, side by side.

use std::{fmt, os::fd::BorrowedFd};

use polc_agent::sys::{program::LoadedProgram, test_run};

use super::Result;

/// A frame of no protocol, as short as every kernel takes.
const FRAME: [u8; 64] = [0xff; 64];
const ROUNDS: usize = 9;

/// Nanoseconds that a program takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time {
    /// The median of all rounds.
    pub(super) median: f64,
    /// The fastest round: what the machine can do when nobody else wants anything of it.
    pub(super) fastest: f64,
}

impl Time {
    /// What a program takes beyond another.
    pub(super) fn beyond(self, other: Self) -> Self {
        Self {
            median: self.median - other.median,
            fastest: self.fastest - other.fastest,
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.0} ({:.0})", self.median, self.fastest))
    }
}

impl Time {
    /// Of rounds.
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self {
            median: times.get(times.len() / 2).copied().unwrap_or_default(),
            fastest: times.first().copied().unwrap_or_default(),
        }
    }
}

/// The time of each program, over rounds of this many runs. The programs take turns, so that noise
/// hits all of them.
pub(super) fn time<const N: usize>(programs: [&LoadedProgram; N], runs: u32) -> Result<[Time; N]> {
    for program in programs {
        let answer = test_run::run(program, &FRAME, 0)?;
        if answer.result <= 0 {
            return Err(format!("a driver got no answer: it returned {}", answer.result).into());
        }
    }
    let mut times = programs.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(test_run::time(*program, &FRAME, 0, runs)?.as_secs_f64() * 1e9);
        }
    }
    Ok(times.map(Time::of))
}

/// The time of a hook of the datapath for a frame at an interface.
pub(super) fn time_hook(hook: BorrowedFd<'_>, frame: &[u8], ifindex: u32) -> Result<Time> {
    const RUNS: u32 = 200_000;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(test_run::time(&hook, frame, ifindex, RUNS)?.as_secs_f64() * 1e9);
    }
    Ok(Time::of(times))
}
