//! Real traffic between two pods of a node: with no policy at all, with ours, and with the same policy
//! as rules of nftables and iptables, all in one run.
//!
//! Each way to enforce it has a node of its own, made of network namespaces. They take turns, so that
//! what else the machine does hits all of them, and both ends of the traffic run on one core, before
//! everything else there: the figures are what a packet costs, not how fast two cores wake each other.

mod load;
mod node;
mod rules;
mod table;

use std::time::Duration;

use clap::Parser as _;

use crate::kernel::Result;
use load::Load;
use node::Node;
use rules::Enforcement;

/// The first argument that makes the bench's process an agent.
pub(crate) const AGENT: &str = "polc-agent";

/// Rules of the policy, and which of them decides: the one in the middle.
const SIZES: [usize; 3] = [10, 100, 1_000];
const ROUNDS: usize = 15;
/// How long one load lasts.
const DURATION: Duration = Duration::from_millis(130);

/// Becomes the agent that these arguments describe.
pub(crate) fn be_an_agent(arguments: Vec<String>) {
    if let Err(error) = polc_agent::command::Cli::parse_from(arguments).execute() {
        eprintln!("{error}");
        std::process::exit(error.exit_code().into());
    }
}

/// What each node did of each load, in each round.
struct Measured {
    size: usize,
    enforcement: Enforcement,
    /// By load, then by round.
    rates: [Vec<f64>; Load::ALL.len()],
}

/// Measures and prints.
pub(crate) fn run() -> Result<()> {
    if !polc_agent::datapath::is_built_in() {
        println!("  skipped: the agent was built without its datapath; run `cargo xtask build`");
        return Ok(());
    }
    let mut nodes = Vec::new();
    for size in SIZES {
        for enforcement in Enforcement::ALL {
            match Node::new(enforcement, size) {
                Ok(node) => nodes.push((node, Measured::new(size, enforcement))),
                Err(error) if enforcement.may_be_missing() => {
                    println!("  without {}: {error}", enforcement.name());
                }
                Err(error) => return Err(error),
            }
        }
    }
    for (node, _) in &nodes {
        node.check()?;
    }
    for round in 0..ROUNDS {
        let count = nodes.len();
        // Nobody is always the first after a pause.
        for position in 0..count {
            let turn = (position + round) % count;
            let Some((node, measured)) = nodes.get_mut(turn) else {
                continue;
            };
            for (load, rates) in Load::ALL.into_iter().zip(&mut measured.rates) {
                rates.push(node.run(load, DURATION)?);
            }
        }
    }
    let measured: Vec<Measured> = nodes.into_iter().map(|(_, measured)| measured).collect();
    table::print(&measured);
    Ok(())
}

impl Measured {
    fn new(size: usize, enforcement: Enforcement) -> Self {
        Self {
            size,
            enforcement,
            rates: Default::default(),
        }
    }
}
