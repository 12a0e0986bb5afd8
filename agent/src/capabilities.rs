//! What the agent may do, and what it gives up once it no longer needs it.

use caps::Capability;

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
