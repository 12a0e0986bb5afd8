//! What the datapath reports, with names and source lines, kept for those who ask.
//!
//! - [`record`]: one event, explained
//! - [`history`]: the latest records, and waiting for the next
//! - [`reader`]: from the ring buffer into the history

pub mod history;
pub mod reader;
pub mod record;

pub use history::History;
pub use record::FlowRecord;
