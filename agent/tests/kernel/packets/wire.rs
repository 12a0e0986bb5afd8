//! The same over a link, where nothing pads a frame that is too short, and the kernel takes tags off
//! before the hooks see it.

use std::process::Command;

use fastrand::Rng;
use polc_abi::event;
use polc_model::Action;
use polc_testbed::Wire;

use super::{BATCH, Bench, agree_on, generate, hex};
use crate::hooks::Hooks;

const FRAMES: u64 = 20_000;
/// What the links take, with the Ethernet header.
const LONGEST: usize = 1_514;

#[test]
fn the_hook_of_a_link_and_a_plain_parser_agree_on_damaged_frames() {
    crate::on_a_node("wire", &["veth-a"], |bpffs| {
        // So that nobody else says anything.
        for link in ["veth-a", "peer-a"] {
            let off = format!("/proc/sys/net/ipv6/conf/{link}/disable_ipv6");
            std::fs::write(off, "1").unwrap();
            let up = ["link", "set", link, "up"];
            assert!(Command::new("ip").args(up).status().unwrap().success());
        }
        let mut bench = Bench::new(Hooks::doing(bpffs, "wire", Action::Allow));
        let wire = Wire::open("peer-a").unwrap();
        let mut short = 0;
        for seed in 0..FRAMES / BATCH {
            bench.begin();
            let mut random = Rng::with_seed(seed);
            for number in 0..BATCH {
                let (_, frame) = generate::any_frame(&mut random);
                if !(14..=LONGEST).contains(&frame.len()) || is_half_tagged(&frame) {
                    continue;
                }
                short += u32::from(!generate::is_runnable(&frame));
                let compared = bench.compare_on(&wire, &frame);
                assert_eq!(
                    compared,
                    Ok(()),
                    "seed {seed}, frame {number}: {}",
                    hex(&frame)
                );
            }
        }
        assert!(
            short > 100,
            "only {short} that are too short for a test run"
        );
    });
}

/// Whether the frame ends in its tag: the kernel drops it before any hook.
fn is_half_tagged(frame: &[u8]) -> bool {
    frame.len() < 18 && matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8])
}

impl Bench {
    /// As [`Bench::compare`], of what comes over a link from the endpoint.
    fn compare_on(&mut self, wire: &Wire, frame: &[u8]) -> Result<(), String> {
        let expected = self.memory.expect(generate::Hook::FromEndpoint, frame);
        while self.hooks.next_event().is_some() {}
        wire.send(frame).map_err(|error| error.to_string())?;
        let hook = event::Hook::FromEndpoint as u8;
        let seen = std::iter::from_fn(|| self.hooks.next_event()).find(|event| event.hook == hook);
        if agree_on(&expected, seen) && self.forget(&expected) {
            Ok(())
        } else {
            Err(format!("expected {expected:?}, the hook says {seen:?}"))
        }
    }
}
