//! Set-up, demo, tests and benchmarks, behind `cargo xtask`.

fn main() {}
