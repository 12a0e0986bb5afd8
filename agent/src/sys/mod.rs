//! The kernel's own interfaces, as safe functions: bpf(2) where aya has no batch operations,
//! memory mapping or test runs, and a few lines of mount(2) and signals.
//!
//! The only modules of the agent with `unsafe` in them.

pub mod bpf;
pub mod create;
pub mod event;
pub mod grace;
pub mod interface;
pub mod link;
pub mod map;
pub mod mount;
pub mod percpu;
pub mod program;
pub mod signal;
pub mod state_word;
pub mod test_run;
