//! Measurements, run by `cargo xtask bench` in release mode. Figures are printed and never
//! asserted: machines are shared and noisy.
//!
//! With arguments, only the parts of these names: `frontend`, `kubernetes`, those of [`kernel`], and `traffic`.

mod frontend;
mod kernel;
mod kubernetes;
mod package;
mod statistics;
mod traffic;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|one| one == traffic::AGENT) {
        return traffic::be_an_agent(wanted);
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    if is_wanted("frontend") {
        println!(
            "{:44} {:>10} {:>10} {:>10}",
            "frontend", "median", "fastest", "target"
        );
        frontend::run();
    }
    if is_wanted("kubernetes") {
        println!("\nkubernetes");
        kubernetes::run();
    }
    for (name, part) in kernel::PARTS {
        if is_wanted(name) {
            println!("\n{name}");
            kernel::run(name, part);
        }
    }
    if is_wanted("traffic") {
        println!("\ntraffic");
        kernel::run("traffic", traffic::run);
    }
}
