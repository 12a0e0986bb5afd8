//! What a node's kernel takes to load a large package.

use std::time::Duration;

use polc_agent::sys::create::WordRows;
use polc_bundle::Bundle;
use polc_codegen::elf;
use polc_frontend::Database;
use polc_tables::Placement;

use super::{Result, class::Maps};
use crate::package;

/// Programs are loaded one by one: some of many.
const EVERY: usize = 20;

pub(super) fn run() -> Result<()> {
    let mut database = Database::default();
    for (path, text) in package::files() {
        database.set_file(&path, text);
    }
    let bundle = Bundle::compile(database.analyze().model, [])?;
    let mut sizes: Vec<usize> = bundle.programs.iter().map(|one| one.len()).collect();
    sizes.sort_unstable();
    println!(
        "  {} programs: {} bytes of ELF each (median), {} at most",
        sizes.len(),
        sizes.get(sizes.len() / 2).unwrap_or(&0),
        sizes.last().unwrap_or(&0)
    );
    let maps = Maps::new()?;
    let mut times: Vec<(Duration, u32, u32)> = Vec::new();
    for (class, bytes) in bundle
        .plan
        .classes
        .iter()
        .zip(&bundle.programs)
        .step_by(EVERY)
    {
        let placement = Placement::of([&**class])?;
        let words = placement.words();
        let rows = WordRows::new("bench_rows", words, &vec![0; words])?;
        let program = elf::read(bytes)?.class;
        let put = maps.put(&program, &rows, &class.layout, &placement)?;
        times.push((put.load_time, put.verified, put.machine_code));
    }
    times.sort_unstable();
    for (what, one) in [
        ("median", times.get(times.len() / 2)),
        ("slowest", times.last()),
    ] {
        if let Some((time, verified, machine_code)) = one {
            println!(
                "  loading one, {what} of {}: {:.2} ms, {verified} instructions verified, \
                 {machine_code} bytes of machine code",
                times.len(),
                time.as_secs_f64() * 1e3
            );
        }
    }
    Ok(())
}
