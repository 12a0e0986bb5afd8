//! What policy costs in the kernel, with `BPF_PROG_TEST_RUN`: no traffic, and maps and programs of
//! the bench's own, which vanish with it.

mod agent_memory;
mod apply;
mod class;
mod code;
mod decision;
mod follow;
mod hooks;
mod load;
mod memory;
pub(crate) mod model;
mod node;
mod strategies;
mod timing;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Measures a part and prints it.
pub(crate) type Part = fn() -> Result<()>;

/// The parts, by name.
pub(crate) const PARTS: [(&str, Part); 8] = [
    ("decision", decision::run),
    ("strategies", strategies::run),
    ("hooks", hooks::run),
    ("load", load::run),
    ("memory", memory::run),
    ("apply", apply::run),
    ("follow", follow::run),
    ("agent-memory", agent_memory::run),
];

/// Runs a part, or says why not.
pub(crate) fn run(name: &str, part: Part) {
    if polc_testbed::require_root_and_bpf(name)
        && let Err(error) = part()
    {
        println!("  failed: {error}");
    }
}
