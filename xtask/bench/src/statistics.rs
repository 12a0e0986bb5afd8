//! Times of several runs.

use std::time::{Duration, Instant};

/// Measures something several times and prints a row. `prepare` is not measured.
pub(crate) fn row<T>(
    name: &str,
    runs: usize,
    target: &str,
    mut prepare: impl FnMut() -> T,
    mut work: impl FnMut(&mut T),
) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let mut prepared = prepare();
            let started = Instant::now();
            work(&mut prepared);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let shown = |time: Option<&Duration>| {
        time.map_or_else(String::new, |time| {
            format!("{:.1} ms", time.as_secs_f64() * 1e3)
        })
    };
    let (median, fastest) = (shown(times.get(runs / 2)), shown(times.first()));
    println!("{name:44} {median:>10} {fastest:>10} {target:>10}");
}

/// The most memory that this process ever held, in MiB.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

/// The time below which this many of a hundred are. Of none, zero. They are in order.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let position = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(position).copied().unwrap_or_default()
}
