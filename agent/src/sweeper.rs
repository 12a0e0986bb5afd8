//! Forgetting settled flows whose time is over, so that the table makes room for who is new at their
//! expense and not at that of who is only silent.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use polc_abi::{
    flow::{Flow, FlowKey},
    lifetime, map,
};

use crate::{
    Error,
    pins::Pins,
    sys::{event, map::Map},
};

/// As often as seems worth it: the shortest life of a flow that settles is 30 seconds, most are
/// longer.
const INTERVAL: Duration = Duration::from_secs(60);
/// How often it looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sweeps every minute until told to stop.
///
/// # Errors
/// What the kernel says.
pub fn run(pins: &Pins, stop: &AtomicBool) -> Result<(), Error> {
    let sweeping = || Error::kernel("sweeping the flows");
    let flows = Map::open(&pins.map(map::FLOWS)).map_err(sweeping())?;
    let mut next = Instant::now() + INTERVAL;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(PATIENCE);
        if Instant::now() >= next {
            sweep(&flows, event::monotonic_ns()).map_err(sweeping())?;
            next = Instant::now() + INTERVAL;
        }
    }
    Ok(())
}

/// Forgets the flows that were silent for longer than they live. How many.
///
/// The datapath takes such a flow for none, and never goes on with it. One of the same ports that
/// settles between the look and the removal would be forgotten, too, but has to be answered first.
///
/// # Errors
/// What the kernel says.
pub fn sweep(flows: &Map<FlowKey, Flow>, now_ns: u64) -> io::Result<usize> {
    let mut forgotten = 0;
    for (key, flow) in flows.entries()? {
        let silence = now_ns.saturating_sub(flow.seen_ns);
        if silence > lifetime::of(key.protocol, &flow) && flows.remove(&key)? {
            forgotten += 1;
        }
    }
    Ok(forgotten)
}
