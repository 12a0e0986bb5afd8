//! What the agent itself counts.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry, proto::MetricFamily};

use super::unusable;
use crate::Error;

/// Bounds of the histogram: small packages take milliseconds, the largest take seconds.
const SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What the agent itself counts, since it was started.
#[derive(Debug)]
pub struct Meters {
    registry: Registry,
    apply_seconds: Histogram,
    applies: IntCounterVec,
    inventory_lag: Histogram,
}

impl Meters {
    /// Everything at zero.
    ///
    /// # Errors
    /// Prometheus does not take a name, which is a fault of ours.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let apply_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "polc_apply_duration_seconds",
                "How long it took to put a bundle and an inventory in force, from the request on.",
            )
            .buckets(SECONDS.to_vec()),
        )
        .map_err(unusable)?;
        let inventory_lag = Histogram::with_opts(
            HistogramOpts::new(
                "polc_inventory_lag_seconds",
                "From when a change of a followed inventory was written until it was in force.",
            )
            .buckets(SECONDS.to_vec()),
        )
        .map_err(unusable)?;
        registry
            .register(Box::new(inventory_lag.clone()))
            .map_err(unusable)?;
        let applies = IntCounterVec::new(
            Opts::new(
                "polc_applies_total",
                "Attempts to put a bundle and an inventory in force, by result.",
            ),
            &["result"],
        )
        .map_err(unusable)?;
        for result in ["ok", "failed"] {
            let _ = applies.with_label_values(&[result]);
        }
        registry
            .register(Box::new(apply_seconds.clone()))
            .map_err(unusable)?;
        registry
            .register(Box::new(applies.clone()))
            .map_err(unusable)?;
        Ok(Self {
            registry,
            apply_seconds,
            applies,
            inventory_lag,
        })
    }

    /// Counts an attempt to put something in force.
    pub fn applied<T, E>(&self, took: Duration, result: &Result<T, E>) {
        if result.is_ok() {
            self.apply_seconds.observe(took.as_secs_f64());
        }
        let result = if result.is_ok() { "ok" } else { "failed" };
        self.applies.with_label_values(&[result]).inc();
    }

    /// Counts a change of a followed inventory.
    pub fn followed(&self, lag: Duration) {
        self.inventory_lag.observe(lag.as_secs_f64());
    }

    /// All of it.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}
