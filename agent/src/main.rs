//! The agent that loads bundles on a node.

fn main() {}
