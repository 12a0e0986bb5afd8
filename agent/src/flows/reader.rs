//! From the ring buffer into the history.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aya::maps::{Map, MapData, RingBuf};
use polc_abi::map;

use super::{FlowRecord, History};
use crate::{Error, meaning::Meaning, pins::Pins, sys::event};

/// What was in force in each of the latest epochs.
#[derive(Debug, Default)]
pub struct Epochs(Mutex<BTreeMap<u32, Arc<Meaning>>>);

/// Epochs that are kept.
const KEPT: usize = 16;
/// Those of them that are kept with their tables, which name everybody at once: events are read within
/// milliseconds of what they report.
const WHOLE: usize = 2;

impl Epochs {
    /// Adds an epoch, before it is in force.
    pub fn add(&self, epoch: u32, meaning: Arc<Meaning>) {
        let mut epochs = self.lock();
        epochs.insert(epoch, meaning);
        while epochs.len() > KEPT {
            epochs.pop_first();
        }
        let old = epochs.len().saturating_sub(WHOLE);
        if let Some(meaning) = epochs.values_mut().take(old).last() {
            *meaning = Arc::new(meaning.without_tables());
        }
    }

    /// What was in force in an epoch.
    #[must_use]
    pub fn get(&self, epoch: u32) -> Option<Arc<Meaning>> {
        self.lock().get(&epoch).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Meaning>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often the reader looks for events. It is woken before only where there are many.
const PERIOD: Duration = Duration::from_millis(20);

/// The ring buffer's only reader.
pub struct Reader {
    events: RingBuf<MapData>,
}

impl Reader {
    /// Opens the pinned ring buffer. Events that came while no agent ran are still in it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(pins: &Pins) -> Result<Self, Error> {
        let failed =
            |cause: String| Error::kernel("opening the events")(std::io::Error::other(cause));
        let data =
            MapData::from_pin(pins.map(map::EVENTS)).map_err(|cause| failed(cause.to_string()))?;
        let events =
            RingBuf::try_from(Map::RingBuf(data)).map_err(|cause| failed(cause.to_string()))?;
        Ok(Self { events })
    }

    /// Explains events until told to stop.
    ///
    /// # Errors
    /// Waiting fails.
    pub fn run(
        mut self,
        epochs: &Epochs,
        history: &History,
        stop: &AtomicBool,
    ) -> Result<(), Error> {
        while !stop.load(Ordering::Relaxed) {
            while let Some(item) = self.events.next() {
                if let Some(event) = event::decode(&item) {
                    let meaning = epochs.get(event.epoch);
                    let time_ms = wall_clock_ms(event.time_ns);
                    history.push(FlowRecord::new(&event, time_ms, meaning.as_deref()));
                }
            }
            event::wait_readable(&self.events, PERIOD)
                .map_err(Error::kernel("waiting for events"))?;
        }
        Ok(())
    }
}

/// The wall clock at a time of the monotonic one.
fn wall_clock_ms(monotonic_ns: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let age = Duration::from_nanos(event::monotonic_ns().saturating_sub(monotonic_ns));
    u64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(u64::MAX)
}
