//! What names stand for.

use std::collections::BTreeMap;

use polc_model::{HttpMatch, L4Match, SelectorExpr};

/// The type of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Endpoints,
    Cidr,
    Dns,
    Entity,
    Ports,
    Http,
    Service,
    /// A parameter of a template.
    Text,
    /// A parameter of a template.
    Number,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 9] = [
        Self::Text,
        Self::Number,
        Self::Endpoints,
        Self::Cidr,
        Self::Dns,
        Self::Entity,
        Self::Ports,
        Self::Http,
        Self::Service,
    ];

    /// The word of the item.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Cidr => "cidr",
            Self::Dns => "dns",
            Self::Entity => "entity",
            Self::Ports => "ports",
            Self::Http => "http",
            Self::Service => "service",
            Self::Text => "string",
            Self::Number => "int",
        }
    }

    /// What its members are, for messages.
    pub(crate) const fn described(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::Cidr => "addresses",
            Self::Dns => "DNS names",
            Self::Entity => "entities",
            Self::Ports => "ports",
            Self::Http => "requests",
            Self::Service => "a service",
            Self::Text => "a text",
            Self::Number => "a number",
        }
    }

    /// Where its members belong in a rule.
    pub(crate) const fn belongs(self) -> &'static str {
        match self {
            Self::Endpoints | Self::Cidr | Self::Entity => "after `from` or `to`",
            Self::Dns | Self::Service => "after `to`",
            Self::Ports => "after `on`",
            Self::Http => "after `only`",
            Self::Text => "where labels and names are written",
            Self::Number => "where ports are written",
        }
    }

    /// The kind of this word, as parameters of templates name it.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether its members are peers.
    pub(crate) const fn is_peers(self) -> bool {
        matches!(
            self,
            Self::Endpoints | Self::Cidr | Self::Dns | Self::Entity | Self::Service
        )
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
    Http(Vec<HttpMatch>),
    Text(String),
    Number(String),
}

/// What is known of the members of a peer expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeersType {
    /// Endpoints only.
    Endpoints,
    /// Addresses, whoever has them.
    Addresses,
    /// What DNS names stand for.
    Names,
    /// Entities only.
    Entities,
    /// A mixture.
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
            (Self::Names, Self::Names) => Self::Names,
            (Self::Entities, Self::Entities) => Self::Entities,
            _ => Self::Mixed,
        }
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Endpoints, _) | (_, Self::Endpoints) => Self::Endpoints,
            (Self::Addresses, Self::Addresses) => Self::Addresses,
            (Self::Names, Self::Names) => Self::Names,
            (Self::Entities, Self::Entities) => Self::Entities,
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
