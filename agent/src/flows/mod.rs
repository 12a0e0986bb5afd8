//! What the datapath reports, with names and source lines, kept for those who ask.
//!
//! - [`record`]: one event, explained
//! - [`filter`]: which records a client wants to see
//! - [`history`]: the latest records, and waiting for the next
//! - [`reader`]: from the ring buffer into the history

pub mod filter;
pub mod history;
pub mod reader;
pub mod record;

pub use filter::Filter;
pub use history::History;
pub use record::FlowRecord;
