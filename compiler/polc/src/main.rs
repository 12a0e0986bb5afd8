//! The polc command: check, build, inspect, test.

fn main() {}
