//! Policies, rules, tiers and actions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{L4Match, L7Match, Origin, PolicyId, RuleId, SelectorId};

/// The priority of a policy that gives none: in the middle of small numbers, so that there is room
/// before it and after it.
pub const DEFAULT_PRIORITY: u32 = 100;

/// A set of rules for the endpoints that `subject` selects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The name, unique in the package.
    pub name: String,
    /// The endpoints it applies to.
    pub subject: SelectorId,
    /// The tier of its rules.
    pub tier: Tier,
    /// Order inside the tier, lower first.
    pub priority: u32,
    /// Whether its verdicts count or are only reported.
    pub enforcement: Enforcement,
    /// What it does to endpoints for ingress, where it has an `ingress` block.
    pub ingress: Option<Isolation>,
    /// What it does to endpoints for egress, where it has an `egress` block.
    pub egress: Option<Isolation>,
    /// Its doc comment: the lines without `///`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

impl Policy {
    /// What it does to endpoints in a direction; `None` when it does not speak about it.
    #[must_use]
    pub const fn covers(&self, direction: Direction) -> Option<Isolation> {
        match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The policy that it belongs to. Tier, priority and subject are the policy's.
    pub policy: PolicyId,
    /// Which packets it speaks about, seen from the subject.
    pub direction: Direction,
    /// What it decides.
    pub action: Action,
    /// The peers that it matches.
    pub peer: SelectorId,
    /// What it matches above L3.
    pub l4: L4Match,
    /// What it matches above that. Only where it allows, and only on TCP ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l7: Option<L7Match>,
    /// Where it was written.
    pub origin: Origin,
}

/// Groups of policies, asked in this order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Asked first: the cluster's administrators.
    Admin,
    /// The one that isolates endpoints.
    #[default]
    Normal,
    /// Asked last, for endpoints that nothing isolates.
    Baseline,
}

impl Tier {
    /// Every tier, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Normal, Self::Baseline];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Normal => "normal",
            Self::Baseline => "baseline",
        }
    }
}

/// What a rule decides. In one tier at one priority deny and reject beat allow, and allow beats
/// pass: see [`Action::rank`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Drop.
    Deny,
    /// Drop, and answer with a TCP reset or ICMP unreachable.
    Reject,
    /// Let through.
    Allow,
    /// Leave it to the next tier.
    Pass,
}

impl Action {
    /// The order in which rules of one tier and priority are asked, lower first. Deny and reject
    /// have the same rank: either way the packet is dropped.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Deny | Self::Reject => 0,
            Self::Allow => 1,
            Self::Pass => 2,
        }
    }
}

/// Whether a policy's verdicts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// They count.
    #[default]
    Enforce,
    /// They are only reported.
    Audit,
}

/// What a policy does to the endpoints it selects, in a direction that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// What no rule allows is denied. Only in the `normal` tier.
    Isolates,
    /// `default allow`: what no rule matches is not its business.
    DefaultAllow,
}

/// Packets to an endpoint, or from it. Also names which policy of an endpoint is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the endpoint.
    Ingress,
    /// From the endpoint.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who decided about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// No policy speaks about it: allowed.
    NoPolicy,
    /// A rule.
    Rule(RuleId),
    /// No rule of the `normal` tier matched and this policy isolates the endpoint: denied. Of
    /// several such policies, the one with the lowest id.
    Isolation(PolicyId),
    /// As [`Self::Isolation`], where no policy isolates the endpoint: denied, because its labels
    /// are not known yet.
    Init,
    /// The endpoint talks to itself: allowed.
    Itself,
    /// The endpoint's own node talks to it: allowed.
    OwnNode,
}

/// Whether a packet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
}

/// What is said about a packet, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it passes.
    pub verdict: Verdict,
    /// Who decided. Of several rules that decide alike, the one with the lowest id.
    pub decider: Decider,
}
