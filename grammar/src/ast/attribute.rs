//! Levels of lints, for a package and for parts of it.

use polc_diagnostics::Level;

use super::Name;
use crate::Span;

/// `@allow(unused_name, world_open)` before an item or a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The level. `None`: left out.
    pub level: Option<Level>,
    /// The lints, by name.
    pub lints: Vec<Name>,
    /// The item or rule that it is about, from its first word to its end.
    pub covers: Span,
    /// The attribute itself.
    pub span: Span,
}

/// `lint unused_name = deny`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintSetting {
    /// The lint.
    pub name: Name,
    /// Its level in the package. `None`: left out.
    pub level: Option<Level>,
    /// The whole item.
    pub span: Span,
}
