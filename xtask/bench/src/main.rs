//! Measurements, run by `cargo xtask bench` in release mode. Figures are printed and never
//! asserted: machines are shared and noisy.

mod frontend;
mod package;
mod statistics;

fn main() {
    println!(
        "{:44} {:>10} {:>10} {:>10}",
        "", "median", "fastest", "target"
    );
    frontend::run();
}
