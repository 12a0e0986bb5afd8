//! Nodes and pods made of network namespaces, for the demo and the tests.
//!
//! ```text
//!   pod ─ eth0 ══ veth-… ┐                      ┌ uplink ══ eth0 ─ outside
//!   pod ─ eth0 ══ veth-… ┴─ node (routes, v4+v6) ┘
//! ```
//!
//! A [`Testbed`] is made from an inventory: the node's addresses, a pod for each endpoint with an
//! interface, and an outside host behind the first uplink, which has whatever addresses one asks
//! for. Every namespace's name carries the id of the process that made it; dropping the testbed
//! removes them, and [`Testbed::sweep`] removes those of processes that are gone.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! # let inventory = polc_inventory::Inventory::parse("").unwrap();
//! let testbed = polc_testbed::Testbed::new("demo", &inventory, &["192.0.2.7".parse().unwrap()])?;
//! let _server = testbed.pod("shop/db")?.serve_tcp(5432)?;
//! let outcome = testbed.pod("shop/web")?.connect_tcp("10.0.0.12".parse().unwrap(), 5432)?;
//! # Ok(())
//! # }
//! ```

mod frame;
mod host;
mod ip;
mod mount;
mod namespace;
mod ping;
mod probe;
mod requirements;
mod server;
mod sys;
mod testbed;

pub use frame::Frame;
pub use host::{Host, Outcome};
pub use mount::Unmount;
pub use namespace::Namespace;
pub use probe::Probe;
pub use requirements::require_root_and_bpf;
pub use server::Server;
pub use sys::{Tap, Wire, set_mark, take_cpu};
pub use testbed::Testbed;
