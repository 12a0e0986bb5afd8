//! What a decision says: the verdict, the reason of a drop, and who decided.

/// What policy says about a packet. Zero means that nothing was said, and is a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Verdict {
    /// The packet passes.
    Allow = 1,
    /// The packet is dropped.
    Deny = 2,
    /// The packet is dropped, and its sender is told, where that may be.
    Reject = 3,
}

impl Verdict {
    /// The name of the action in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Reject => "reject",
        }
    }

    /// Reads a verdict from map memory. Anything unknown is `None`, which callers treat as a drop.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::Allow),
            2 => Some(Self::Deny),
            3 => Some(Self::Reject),
            _ => None,
        }
    }
}

/// Who decided, packed into 32 bits: the upper four hold the kind, the rest a number.
///
/// Numbers refer to the bundle that was in force when the decision was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct DeciderId(pub u32);

/// The decoded form of [`DeciderId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeciderKind {
    /// No policy speaks about this packet: allowed.
    NoPolicy,
    /// The rule with this number.
    Rule(u32),
    /// No rule matched, and the policy with this number isolates the endpoint.
    Isolation(u32),
    /// The endpoint talks to itself.
    Itself,
    /// The endpoint's own node talks to the endpoint.
    OwnNode,
    /// No rule matched, and the endpoint is isolated because its labels are not known yet.
    Init,
}

const KIND_SHIFT: u32 = 28;
const INDEX_MASK: u32 = (1 << KIND_SHIFT) - 1;
const KIND_RULE: u32 = 1;
const KIND_ISOLATION: u32 = 2;
const KIND_BUILT_IN: u32 = 3;

impl DeciderId {
    /// Bit that no decider sets: [`VerdictCounterKey`](crate::event::VerdictCounterKey) keeps the
    /// side there, [`Judgement`](crate::flow::Judgement) whether the packet was denied.
    pub(crate) const FREE_BIT: u32 = 1 << 31;
    /// Another: [`Judgement`](crate::flow::Judgement) keeps there whether the denial is answered.
    pub(crate) const SECOND_FREE_BIT: u32 = 1 << 30;

    /// No policy speaks about the packet.
    pub const NO_POLICY: Self = Self(0);
    /// The endpoint talks to itself.
    pub const ITSELF: Self = Self(KIND_BUILT_IN << KIND_SHIFT);
    /// The endpoint's own node talks to the endpoint.
    pub const OWN_NODE: Self = Self((KIND_BUILT_IN << KIND_SHIFT) | 1);

    /// The endpoint's labels are not known yet.
    pub const INIT: Self = Self((KIND_BUILT_IN << KIND_SHIFT) | 2);

    /// In flows, of what is not the node's and wears its address. No policy decides about these, and
    /// nobody is told of them.
    pub const TRANSLATED: Self = Self((KIND_BUILT_IN << KIND_SHIFT) | 3);

    /// The largest number of a rule or policy that fits.
    pub const MAX_INDEX: u32 = INDEX_MASK;

    /// The rule with this number. Bits above [`Self::MAX_INDEX`] are cut; Model validation refuses
    /// packages that large.
    #[must_use]
    pub const fn rule(index: u32) -> Self {
        Self((KIND_RULE << KIND_SHIFT) | (index & INDEX_MASK))
    }

    /// Isolation by the policy with this number.
    #[must_use]
    pub const fn isolation(index: u32) -> Self {
        Self((KIND_ISOLATION << KIND_SHIFT) | (index & INDEX_MASK))
    }

    /// Decodes, or `None` for bits that no encoder writes.
    #[must_use]
    pub const fn kind(self) -> Option<DeciderKind> {
        let index = self.0 & INDEX_MASK;
        match (self.0 >> KIND_SHIFT, index) {
            (0, 0) => Some(DeciderKind::NoPolicy),
            (KIND_RULE, _) => Some(DeciderKind::Rule(index)),
            (KIND_ISOLATION, _) => Some(DeciderKind::Isolation(index)),
            (KIND_BUILT_IN, 0) => Some(DeciderKind::Itself),
            (KIND_BUILT_IN, 1) => Some(DeciderKind::OwnNode),
            (KIND_BUILT_IN, 2) => Some(DeciderKind::Init),
            _ => None,
        }
    }
}

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal, $slug:literal;)+) => {
        /// Why a packet was dropped. The documentation of each is what `polc-agent` prints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason { $($(#[doc = $doc])+ $name = $value,)+ }

        impl DropReason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Decodes a number from an event or a counter.
            #[must_use]
            pub const fn from_raw(raw: u8) -> Option<Self> {
                match raw { $($value => Some(Self::$name),)+ _ => None }
            }

            /// The stable name for machines, as used in JSON and metrics.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// One sentence for people.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

drop_reasons! {
    /// denied by policy
    Policy = 1, "policy";
    /// the source address does not belong to the interface that sent the packet
    SpoofedSource = 2, "spoofed_source";
    /// the packet is cut short or contradicts itself
    Malformed = 3, "malformed";
    /// neither IPv4, IPv6 nor ARP
    UnknownEtherType = 4, "unknown_ether_type";
    /// no address or prefix of the node's tables covers the peer
    UnknownPeer = 5, "unknown_peer";
    /// the interface belongs to no endpoint of the policy in force
    UnknownEndpoint = 6, "unknown_endpoint";
    /// the endpoint's policy program is missing, or a tail call to or from it failed
    MissingProgram = 7, "missing_program";
    /// the policy program ended without a verdict
    NoVerdict = 8, "no_verdict";
    /// the agent has not applied a policy yet
    NotReady = 9, "not_ready";
    /// a TCP packet that opens no connection and belongs to none that is known
    NoConnection = 10, "no_connection";
    /// a fragment whose first fragment was not seen
    OrphanFragment = 11, "orphan_fragment";
    /// an ICMP error about a packet of no known flow
    UnrelatedError = 12, "unrelated_error";
    /// the flow table took no new flow
    FlowTableFull = 13, "flow_table_full";
    /// a link-control message that only a router may send
    RouterMessage = 14, "router_message";
    /// policy changed while the packet was on its way from one endpoint to another
    PolicyChanged = 15, "policy_changed";
    /// the packet may pass, and the kernel could not put it into its endpoint
    Undeliverable = 16, "undeliverable";
}

/// One more than the largest [`DropReason`]: the size of the drop counters.
pub const DROP_REASONS: u32 = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deciders_survive_packing() {
        for (id, kind) in [
            (DeciderId::NO_POLICY, DeciderKind::NoPolicy),
            (DeciderId::rule(0), DeciderKind::Rule(0)),
            (
                DeciderId::rule(DeciderId::MAX_INDEX),
                DeciderKind::Rule(DeciderId::MAX_INDEX),
            ),
            (DeciderId::isolation(7), DeciderKind::Isolation(7)),
            (DeciderId::ITSELF, DeciderKind::Itself),
            (DeciderId::OWN_NODE, DeciderKind::OwnNode),
            (DeciderId::INIT, DeciderKind::Init),
        ] {
            assert_eq!(id.kind(), Some(kind));
            assert_eq!(id.0 & (DeciderId::FREE_BIT | DeciderId::SECOND_FREE_BIT), 0);
        }
        assert_eq!(DeciderId(u32::MAX).kind(), None);
    }

    #[test]
    fn every_reason_has_a_counter_and_a_sentence() {
        for (position, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, position + 1);
            assert_eq!(DropReason::from_raw(*reason as u8), Some(*reason));
            assert!((*reason as u32) < DROP_REASONS);
            assert!(!reason.explanation().is_empty());
        }
        assert_eq!(DropReason::from_raw(0), None);
    }
}
