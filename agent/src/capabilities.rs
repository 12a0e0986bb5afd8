//! What the agent may do, and what it gives up once it no longer needs it.

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

use crate::{Error, sys::privileges};

/// A capability that the agent needs, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Which.
    pub capability: Capability,
    /// What for, after "needed to".
    pub purpose: &'static str,
    /// Until when.
    pub until: Until,
}

/// How long a capability is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the BPF file system is mounted.
    Mounted,
    /// As long as the agent runs.
    End,
}

impl Need {
    /// Whether it is given up once the agent has started.
    #[must_use]
    pub const fn is_only_for_start(&self) -> bool {
        matches!(self.until, Until::Mounted)
    }
}

/// Every capability that the agent needs.
pub const NEEDS: [Need; 4] = [
    Need {
        capability: Capability::CAP_BPF,
        purpose: "load programs and make maps",
        until: Until::End,
    },
    Need {
        capability: Capability::CAP_NET_ADMIN,
        purpose: "load tc programs and attach them to interfaces",
        until: Until::End,
    },
    Need {
        capability: Capability::CAP_PERFMON,
        purpose: "have programs verified that do arithmetic with pointers",
        until: Until::End,
    },
    Need {
        capability: Capability::CAP_SYS_ADMIN,
        purpose: "mount the BPF file system where it is not mounted",
        until: Until::Mounted,
    },
];

/// Gives up every capability that the agent no longer needs once it has started, for good. Call it
/// before there is a second thread: each has capabilities of its own, and starts with those of the
/// one that started it.
///
/// # Errors
/// What the kernel says.
pub fn reduce() -> Result<(), Error> {
    let failed = |cause: CapsError| {
        Error::kernel("giving up capabilities")(std::io::Error::other(cause.to_string()))
    };
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let kept = kept(&permitted);
    // Without CAP_SETPCAP the bounding set stays; what is not permitted cannot come back by it, as
    // there are no new privileges.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(failed)? {
        let all = caps::runtime::thread_all_supported();
        for capability in all.difference(&kept) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(failed)?;
        }
    }
    // A kernel that is too old for ambient capabilities has none.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::clear(None, CapSet::Inheritable).map_err(failed)?;
    caps::set(None, CapSet::Effective, &kept).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed)?;
    privileges::no_new_privileges().map_err(Error::kernel("giving up new privileges"))
}

/// Which of these capabilities are kept.
fn kept(permitted: &CapsHashSet) -> CapsHashSet {
    let needed = NEEDS.iter().filter(|need| !need.is_only_for_start());
    let needed: CapsHashSet = needed.map(|need| need.capability).collect();
    let mut kept: CapsHashSet = needed.intersection(permitted).copied().collect();
    // Before Linux 5.8, and where only this one was given, it stands for those that are not there.
    if kept != needed && permitted.contains(&Capability::CAP_SYS_ADMIN) {
        kept.insert(Capability::CAP_SYS_ADMIN);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_start_needs_is_given_up() {
        use Capability::{CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE};
        let of = |all: &[Capability]| all.iter().copied().collect::<CapsHashSet>();
        let root = of(&[
            CAP_BPF,
            CAP_NET_ADMIN,
            CAP_PERFMON,
            CAP_SYS_ADMIN,
            CAP_SYS_PTRACE,
        ]);
        let needed = of(&[CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON]);
        assert_eq!(kept(&root), needed);
        assert_eq!(kept(&needed), needed);
        // It stands for two that are not there.
        let old = of(&[CAP_NET_ADMIN, CAP_SYS_ADMIN]);
        assert_eq!(kept(&old), old);
        assert_eq!(kept(&of(&[CAP_SYS_PTRACE])), of(&[]));
    }
}
