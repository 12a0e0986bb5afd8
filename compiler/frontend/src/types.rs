//! What names stand for.

use std::collections::BTreeMap;

use polc_model::{L4Match, SelectorExpr};

/// The type of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Endpoints,
    Cidr,
    Ports,
}

impl Kind {
    /// The word of the item.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Cidr => "cidr",
            Self::Ports => "ports",
        }
    }

    /// What its members are, for messages.
    pub(crate) const fn described(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Cidr => "addresses",
            Self::Ports => "ports",
        }
    }
}

/// A definition without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) kind: Kind,
    /// `None` when it could not be understood; an error was reported where it stands.
    pub(crate) value: Option<Value>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Peers(SelectorExpr),
    Ports(L4Match),
}

/// What is known of the members of a peer expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeersType {
    /// Endpoints only.
    Endpoints,
    /// Addresses, whoever has them.
    Addresses,
    /// Entities, or a mixture.
    Mixed,
    /// Something in it was not understood, so nothing more is said about it.
    Unknown,
}

impl PeersType {
    pub(crate) const fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Endpoints, Self::Endpoints) => Self::Endpoints,
            (Self::Addresses, Self::Addresses) => Self::Addresses,
            _ => Self::Mixed,
        }
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Endpoints, _) | (_, Self::Endpoints) => Self::Endpoints,
            (Self::Addresses, Self::Addresses) => Self::Addresses,
            _ => Self::Mixed,
        }
    }
}

/// The labels that the package declares.
pub(crate) type Schema = BTreeMap<String, LabelValues>;

/// The values that a label may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelValues {
    Any,
    OneOf(Vec<String>),
}
