//! Watching interfaces. One that is made anew, as when a pod restarts, is another
//! interface, without hooks. What is in force is put in force on it too.

use std::{sync::atomic::Ordering, thread, time::Duration};

use tracing::{info, warn};

use crate::agent::Agent;

/// How often to look. The interface is open for so long; kubelet and CNI take longer to start
/// what is behind it.
const PERIOD: Duration = Duration::from_millis(200);

/// Watches the interfaces of what is in force until the agent ends.
pub(crate) fn interfaces(agent: &Agent) {
    let mut last_said = String::new();
    while !agent.is_ending().load(Ordering::Relaxed) {
        thread::sleep(PERIOD);
        match agent.refresh() {
            Ok(false) => last_said.clear(),
            Ok(true) => info!("interfaces have changed"),
            Err(error) => {
                // Once, not five times a second: it may be gone for good.
                let said = error.to_string();
                if said != last_said {
                    warn!("{said}");
                    last_said = said;
                }
            }
        }
    }
}
