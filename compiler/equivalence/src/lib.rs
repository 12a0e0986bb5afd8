//! Whether every form of a policy means the same: the reference interpreter over the Model, the
//! interpreter over the Plan, and the emitted bytecode in a user-space eBPF machine. The agent's
//! kernel tests add the fourth: the same programs in the kernel.
//!
//! A disagreement is made small before it is reported: the fewest policies and rules that still
//! disagree about the packet.

mod compare;
pub mod exhaustive;
mod machine;
mod node;

pub use compare::{Answers, Disagreement, compare, compare_faulty, reference};
pub use machine::{Answer, Machine, MachineError};
pub use node::{Fault, Node, Options, Said};
