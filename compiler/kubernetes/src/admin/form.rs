//! What differs between the kinds.

use polc_model::Action;

/// A kind of administrators' policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `AdminNetworkPolicy`.
    Admin,
    /// `BaselineAdminNetworkPolicy`.
    Baseline,
    /// `ClusterNetworkPolicy`.
    Cluster,
}

impl Form {
    /// The kind.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Admin => "AdminNetworkPolicy",
            Self::Baseline => "BaselineAdminNetworkPolicy",
            Self::Cluster => "ClusterNetworkPolicy",
        }
    }

    /// The kind with its article.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Admin => "an AdminNetworkPolicy",
            Self::Baseline => "a BaselineAdminNetworkPolicy",
            Self::Cluster => "a ClusterNetworkPolicy",
        }
    }

    /// The fields of `spec`.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Admin => &["priority", "subject", "ingress", "egress"],
            Self::Baseline => &["subject", "ingress", "egress"],
            Self::Cluster => &["tier", "priority", "subject", "ingress", "egress"],
        }
    }

    /// How many rules a direction may have, and how many peers and ports a rule.
    pub(super) const fn most(self) -> usize {
        match self {
            Self::Admin | Self::Baseline => 100,
            Self::Cluster => 25,
        }
    }

    /// The words for actions.
    pub(super) const fn actions(self) -> &'static [(&'static str, Action)] {
        match self {
            Self::Admin => &[
                ("Allow", Action::Allow),
                ("Deny", Action::Deny),
                ("Pass", Action::Pass),
            ],
            Self::Baseline => &[("Allow", Action::Allow), ("Deny", Action::Deny)],
            Self::Cluster => &[
                ("Accept", Action::Allow),
                ("Deny", Action::Deny),
                ("Pass", Action::Pass),
            ],
        }
    }

    /// The field of a rule that says what it matches above L3.
    pub(super) const fn l4_field(self) -> &'static str {
        match self {
            Self::Admin | Self::Baseline => "ports",
            Self::Cluster => "protocols",
        }
    }

    /// The kinds of peers of egress rules. Those of ingress rules are the first two.
    pub(super) const fn peers(self) -> &'static [&'static str] {
        match self {
            Self::Admin | Self::Cluster => {
                &["namespaces", "pods", "nodes", "networks", "domainNames"]
            }
            Self::Baseline => &["namespaces", "pods", "nodes", "networks"],
        }
    }
}
