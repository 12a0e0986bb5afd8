//! What was measured, in a form that fits a terminal.

use super::{DURATION, Measured, ROUNDS, SIZES, load::Load, rules::Enforcement};

pub(super) fn print(measured: &[Measured]) {
    println!(
        "  two pods of a node, one core for both ends, {ROUNDS} rounds of {} ms; medians, and in\n  \
         brackets what that is of no policy, round by round. Of N rules the middle one decides.\n  \
         targets: polc 0.97 or more in the first two columns, ahead of the others from 100 rules on\n",
        DURATION.as_millis()
    );
    print!("  {:20}", "");
    for load in Load::ALL {
        print!("{:>21}", load.unit().0);
    }
    println!();
    for size in SIZES {
        println!("  {size} rules");
        let of_size = || measured.iter().filter(|one| one.size == size);
        let Some(nothing) = of_size().find(|one| one.enforcement == Enforcement::Nothing) else {
            continue;
        };
        for one in of_size() {
            print!("    {:18}", one.enforcement.name());
            let columns = Load::ALL.into_iter().zip(&one.rates).zip(&nothing.rates);
            for ((load, rates), base) in columns {
                let shown = figure(load, median(rates.iter().copied()));
                let ratio = median(rates.iter().zip(base).map(|(rate, base)| rate / base));
                print!("{:>21}", format!("{shown} ({ratio:.2})"));
            }
            println!();
        }
    }
}

fn figure(load: Load, rate: f64) -> String {
    let rate = rate / load.unit().1;
    match load {
        Load::Stream => format!("{rate:.1}"),
        Load::RoundTrips | Load::Connections => format!("{rate:.0}"),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
