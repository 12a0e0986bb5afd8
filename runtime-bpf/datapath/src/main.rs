//! The fixed part of polc's datapath: it parses packets, keeps flows, and asks the generated
//! policy programs about what is new.
//!
//! # A packet's way
//! 1. A hook: [`from_endpoint`] and [`to_endpoint`] see what an endpoint sends and gets,
//!    [`from_uplink`] only refuses sources that cannot come from there.
//! 2. [`parse`] reads it once, to its L4 header, into the per-CPU [`packet::Packet`].
//! 3. [`flow`]: a known flow that was judged in the current epoch needs no more. One lookup finds a
//!    settled flow, two find another or none.
//! 4. [`policy`] fills the [`PolicyInput`](polc_abi::policy::PolicyInput) for a new or stale flow
//!    and tail calls the endpoint's program, which tail calls [`judged`].
//! 5. [`report`] counts and tells the agent.
//! 6. [`deliver`] asks the receiver, where that is another endpoint of the node, in the same way, and
//!    puts the packet into it past the node's stack. Where that is asked for, it does so with what comes
//!    from uplinks, and sends what leaves the node.
//! 7. [`reject`] answers what was rejected, in the place of whoever it was for.
//!
//! The state word is read once for each packet. Everything that is missing is a drop with a
//! reason. What passes returns `TC_ACT_UNSPEC`, so that programs of others behind ours still run.
//!
//! # What is the link and not traffic
//! Policy speaks about packets between addresses. What only keeps the link between an endpoint
//! and its node going passes unjudged, and [`parse::link`] says exactly what that is: ARP, IPv6
//! neighbour discovery that no router sent, and multicast listener reports. DHCP is traffic, and
//! its source 0.0.0.0 belongs to no endpoint: polc's endpoints have their addresses already.
//!
//! # Building
//! In this directory, with `bpf-linker` and a rustc that has `rust-src` on the PATH:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo build --release --target-dir ../../target/datapath
//! ```
//!
//! and the object is `target/datapath/bpfel-unknown-none/release/polc-datapath`. Target, build-std
//! and linker arguments are in `.cargo/config.toml`.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod bytes;
mod deliver;
mod endpoint;
mod flow;
mod from_endpoint;
mod from_uplink;
mod hook;
mod judged;
mod maps;
mod node;
mod packet;
mod parse;
mod peer;
mod policy;
mod refuse;
mod reject;
mod related;
mod report;
mod sender;
mod state;
mod to_endpoint;
mod to_uplink;

/// The helpers that programs use need a licence compatible with the GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // The verifier refuses a program that can reach this.
    loop {}
}
