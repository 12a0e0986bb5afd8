//! The kernel's own interfaces, as safe functions: bpf(2) where aya has no batch operations,
//! memory mapping or test runs, and a few lines of mount(2) and signals.
//!
//! The only code of the agent and of the compiler with `unsafe` in it. Knows nothing of policies.

pub mod bpf;
pub mod create;
pub mod event;
pub mod grace;
pub mod heap;
pub mod interface;
pub mod link;
pub mod map;
pub mod mount;
pub mod pair;
pub mod percpu;
pub mod privileges;
pub mod probe;
pub mod program;
pub mod shared_array;
pub mod signal;
pub mod state_word;
pub mod test_run;
pub mod usage;
