//! What this process may do.

use caps::{CapSet, Capability};

use super::Finding;
use crate::capabilities::{NEEDS, Need};

/// A line for each capability that the agent needs.
pub(super) fn all() -> Vec<Finding> {
    NEEDS.iter().map(finding).collect()
}

fn finding(need: &Need) -> Finding {
    let name = need.capability.to_string();
    let Need { purpose, .. } = need;
    if has(need.capability) {
        return Finding::ok(&name, purpose.to_owned());
    }
    // Before Linux 5.8 CAP_SYS_ADMIN was all of BPF, and it still includes it.
    let is_included = matches!(
        need.capability,
        Capability::CAP_BPF | Capability::CAP_PERFMON
    );
    if is_included && has(Capability::CAP_SYS_ADMIN) {
        return Finding::substitute(
            &name,
            format!("CAP_SYS_ADMIN, which includes it: {purpose}"),
        );
    }
    if need.is_only_for_start() {
        return Finding::substitute(&name, format!("needed only to {purpose}"));
    }
    Finding::missing(&name, format!("needed to {purpose}; run it as root"))
}

/// Whether this process may mount file systems.
pub(super) fn may_mount() -> bool {
    has(Capability::CAP_SYS_ADMIN)
}

fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}
