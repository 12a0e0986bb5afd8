//! The comparison of every form of a policy, for as long as one likes: random packages and packets,
//! every strategy, whole programs and programs in parts. Ends at the first disagreement, which it
//! shows as a package and a packet.

use std::{
    io::IsTerminal as _,
    num::NonZero,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use polc_codegen::Limits;
use polc_equivalence::{Disagreement, Options, compare};
use polc_plan::{Choice, Strategy};
use polc_testgen::Case;

/// Compares random packages until the time is over
#[derive(Parser)]
struct Arguments {
    /// How long
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Where to begin; by default, somewhere else each time
    #[arg(long)]
    seed: Option<u64>,
}

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];
/// Packets asked about in each package.
const PACKETS: usize = 20;

/// What a package is compiled with, by its seed.
fn options(seed: u64) -> Options {
    let parts = Limits {
        instructions: 80,
        parts: 1_000,
    };
    let forced = Strategy::ALL.map(|strategy| Options {
        choice: Choice::Always(strategy),
        limits: Limits::default(),
    });
    let in_parts = Options {
        choice: Choice::Always(Strategy::ALL[0]),
        limits: parts,
    };
    let all: Vec<Options> = forced
        .into_iter()
        .chain([in_parts, Options::default()])
        .collect();
    let index = usize::try_from(seed % all.len() as u64).unwrap_or(0);
    all.get(index).copied().unwrap_or_default()
}

/// What all threads share.
struct Progress {
    next_seed: AtomicU64,
    packages: AtomicU64,
    ended: AtomicBool,
    until: Instant,
}

impl Progress {
    /// Compares packages until the time is over or some thread has found something.
    fn work(&self) -> Option<Box<Disagreement>> {
        while Instant::now() < self.until && !self.ended.load(Ordering::Relaxed) {
            let seed = self.next_seed.fetch_add(1, Ordering::Relaxed);
            let compared = compare(Case::new(seed, &INTERFACES), PACKETS, options(seed));
            if let Err(found) = compared {
                self.ended.store(true, Ordering::Relaxed);
                return Some(found);
            }
            self.packages.fetch_add(1, Ordering::Relaxed);
        }
        None
    }

    /// Says how far it is, where a person watches.
    fn watch(&self) {
        while std::io::stderr().is_terminal()
            && Instant::now() < self.until
            && !self.ended.load(Ordering::Relaxed)
        {
            let left = self.until.saturating_duration_since(Instant::now());
            eprint!("\r\x1b[K{}, {} s left", self.text(), left.as_secs());
            thread::sleep(Duration::from_millis(500));
        }
    }

    fn text(&self) -> String {
        let packages = self.packages.load(Ordering::Relaxed);
        format!(
            "{} packets in {packages} packages",
            packages * PACKETS as u64
        )
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let somewhere = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs() << 20)
    };
    let first = arguments.seed.unwrap_or_else(somewhere);
    let progress = Progress {
        next_seed: AtomicU64::new(first),
        packages: AtomicU64::new(0),
        ended: AtomicBool::new(false),
        until: Instant::now() + Duration::from_secs(60 * arguments.minutes),
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let found = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| progress.work()))
            .collect();
        progress.watch();
        let mut ended = workers.into_iter().map(thread::ScopedJoinHandle::join);
        // A thread that panicked has found something, too: its message says what.
        ended.try_fold(None, |found, ended| ended.map(|other| found.or(other)))
    });
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    println!("from seed {first}: {}", progress.text());
    match found {
        Ok(None) => {
            println!("reference, plan and bytecode agree");
            ExitCode::SUCCESS
        }
        Ok(Some(found)) => {
            println!("{found}");
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}
