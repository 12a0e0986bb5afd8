//! The package's `assert` items: what must hold of every flow.

use serde::{Deserialize, Serialize};

use crate::{L4Match, Origin, SelectorId};

/// One `assert` item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// What it claims.
    pub claim: Claim,
    /// Who starts the flows.
    pub sources: SelectorId,
    /// Who they are started to.
    pub destinations: SelectorId,
    /// Which flows, above L3.
    pub l4: L4Match,
    /// Where it was written.
    pub origin: Origin,
}

/// What an assertion claims of its flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// `A can reach B`: each of them is allowed.
    Can,
    /// `A cannot reach B`: none of them is allowed.
    Cannot,
    /// `only A can reach B`: none that somebody else starts is allowed.
    Only,
}
