//! `polc-agent status`.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use super::{Which, json};
use crate::{
    Error,
    api::{Request, Response, Status, client},
};

/// How often to ask while waiting.
const PERIOD: Duration = Duration::from_millis(100);

/// Say what is in force and what it did
///
/// With `--wait`, the exit code is 0 once a policy is in force, 1 when an agent answers and has
/// none in force, and 2 when no agent answers.
#[derive(Args, Debug)]
pub struct StatusCommand {
    /// Wait until an agent answers and a policy is in force, for so many seconds at most
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=86_400))]
    wait: Option<u32>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl StatusCommand {
    pub(super) fn execute(self) -> Result<(), Error> {
        let socket = self.which.state_dir().socket();
        let status = match self.wait {
            None => match client::ask_once(&socket, &Request::Status)? {
                Response::Status(status) => status,
                _ => return Ok(()),
            },
            Some(seconds) => wait(&socket, Duration::from_secs(seconds.into()))?,
        };
        if self.json {
            return json::print(&status);
        }
        print(&status);
        Ok(())
    }
}

/// Asks until a policy is in force, at least once.
fn wait(socket: &Path, patience: Duration) -> Result<Box<Status>, Error> {
    let deadline = Instant::now() + patience;
    loop {
        // An agent that is about to apply answers once it has.
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = client::ask_within(socket, &Request::Status, left.max(PERIOD));
        let error = match answer {
            Ok(Response::Status(status)) if is_in_force(&status) => return Ok(status),
            Ok(_) => Error::NothingInForce,
            Err(error @ Error::NotRunning { .. }) => error,
            Err(error) => return Err(error),
        };
        if Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(PERIOD.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// Epochs count from 1; before the first, nothing has been applied.
const fn is_in_force(status: &Status) -> bool {
    status.epoch > 0
}

fn print(status: &Status) {
    println!(
        "package {} (bundle {}) in force on {}, epoch {}",
        status.package,
        status.bundle.get(..12).unwrap_or(&status.bundle),
        status.node,
        status.epoch
    );
    match &status.signed_by {
        Some(key) => println!("signed with key {key}"),
        None => println!("signatures are not asked for"),
    }
    if let Some(followed) = &status.followed {
        println!(
            "inventory followed: {} changes, the last in force after {} ms; of the latest, half after \
             {} ms, 99% after {} ms; the slowest after {} ms",
            followed.changes,
            followed.last_lag_ms,
            followed.median_lag_ms,
            followed.p99_lag_ms,
            followed.longest_lag_ms
        );
        if let Some(problem) = &followed.problem {
            println!("what it says now is not in force: {problem}");
        }
    }
    if let Some(seconds) = status.trial_seconds {
        println!(
            "on trial: what was in force before comes back in {seconds} seconds, unless \
             `polc-agent confirm` says that this stays"
        );
    }
    println!("flows: {}, new ones: {}", status.flows, status.new_flows);
    if status.lost_events > 0 {
        println!("events lost: {}", status.lost_events);
    }
    println!("endpoints:");
    for endpoint in &status.endpoints {
        println!(
            "  {} at {}: ingress {}, egress {}{}",
            endpoint.name,
            endpoint
                .interface
                .as_deref()
                .unwrap_or("an interface that is not known yet"),
            list(&endpoint.ingress),
            list(&endpoint.egress),
            if endpoint.is_direct {
                ""
            } else {
                ", routed to"
            }
        );
    }
    println!("judgements:");
    for count in &status.verdicts {
        println!("  {:>8} packets: {}", count.packets, count.decider);
    }
    println!("drops:");
    for count in &status.drops {
        println!("  {:>8} packets: {}", count.packets, count.name);
    }
}

fn list(policies: &[String]) -> String {
    if policies.is_empty() {
        "open".to_owned()
    } else {
        format!("by {}", policies.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_epoch_nothing_is_in_force() {
        let mut status = Status::default();
        assert!(!is_in_force(&status));
        status.epoch = 1;
        assert!(is_in_force(&status));
        assert_eq!(Error::NothingInForce.exit_code(), 1);
    }

    #[test]
    fn nobody_is_waited_for_no_longer_than_asked() {
        let directory = tempfile::tempdir().unwrap();
        let begin = Instant::now();
        let error = wait(
            &directory.path().join("agent.sock"),
            Duration::from_millis(300),
        )
        .unwrap_err();
        assert!(matches!(error, Error::NotRunning { .. }), "{error}");
        assert_eq!(error.exit_code(), 2);
        let waited = begin.elapsed();
        assert!(
            Duration::from_millis(300) <= waited && waited < Duration::from_secs(5),
            "{waited:?}"
        );
    }

    #[test]
    fn an_agent_that_says_nothing_is_not_waited_for_either() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("agent.sock");
        // Takes connections and never answers.
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let begin = Instant::now();
        let error = wait(&socket, Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, Error::NotRunning { .. }), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
