//! What a new flow's whole policy decision costs: the peer's address is looked up, the input is
//! filled, the class's program decides and calls the continuation. Beside it, on the same peers,
//! the lookups that Cilium does: the address in a table of prefixes, for the peer's identity; then
//! identity, protocol and port in another, once with the identity and once without.

mod addresses;
mod cilium;
mod packets;
mod polc;

use cilium::Theirs;
use polc::{Ours, Rows};

use super::{Result, timing::time};

const PEERS: [u32; 4] = [256, 4_096, 16_384, 65_536];
/// Apart from each other, so that each is an interval, and the gap behind it another.
const PORTS: u16 = 32;
const RULES_PER_PORT: u16 = 3;
pub(super) fn run() -> Result<()> {
    println!(
        "  {PORTS} ports with {RULES_PER_PORT} rules each ({} intervals); nanoseconds without the \
         driver, median and fastest",
        2 * PORTS
    );
    println!(
        "  {:>7} {:>10} {:>14} {:>18} {:>14} {:>16} {:>12}",
        "peers", "driver", "polc", "polc, own rows", "3 LPM", "cheaper", "target"
    );
    let mut signatures = String::new();
    for peers in PEERS {
        let shared = Ours::new(peers, PORTS, RULES_PER_PORT, Rows::Shared)?;
        let own = Ours::new(peers, PORTS, RULES_PER_PORT, Rows::Own)?;
        let theirs = Theirs::new(&shared.packets)?;
        let shared_rows = shared.signatures.clone();
        let programs = [
            &shared.packets.driver()?,
            &shared.driver()?,
            &own.driver()?,
            &theirs.driver(&shared.packets)?,
        ];
        let [driver, shared, own_row, theirs] = time(programs, runs(peers))?;
        let (shared, own_row) = (shared.beyond(driver), own_row.beyond(driver));
        let theirs = theirs.beyond(driver);
        println!(
            "  {peers:>7} {driver:>10} {shared:>14} {own_row:>18} {theirs:>14} {:>16} {:>12}",
            format!(
                "{:.1}x ({:.1}x)",
                theirs.median / shared.median.max(1.0),
                theirs.fastest / shared.fastest.max(1.0)
            ),
            match peers {
                16_384 => "80 ns, 6x",
                65_536 => "7x",
                _ => "",
            }
        );
        signatures = format!("signatures: {shared_rows}; own rows: {}", own.signatures);
    }
    println!("  with the most peers, {signatures}");
    rules()
}

/// How the number of rules matters.
fn rules() -> Result<()> {
    const PEERS: u32 = 4_096;
    println!("  {PEERS} peers, by rules");
    println!(
        "  {:>7} {:>7} {:>12} {:>18} {:>14}",
        "rules", "ports", "tree's levels", "strategy", "polc"
    );
    for (ports, rules) in [(10, 1), (100, 1), (1_000, 1), (32, 3), (32, 31)] {
        let ours = Ours::new(PEERS, ports, rules, Rows::Shared)?;
        let [driver, polc] = time([&ours.packets.driver()?, &ours.driver()?], runs(PEERS))?;
        println!(
            "  {:>7} {ports:>7} {:>12.1} {:>18} {:>14}",
            ports * rules,
            f64::from(2 * ports).log2(),
            ours.strategy.to_string(),
            polc.beyond(driver)
        );
    }
    Ok(())
}

/// So many that each peer is asked about often, and what the program before left in the caches does
/// not count.
fn runs(peers: u32) -> u32 {
    100_000.max(peers * 8)
}
