//! Typed indices into a [`Model`](crate::Model).

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[doc = $doc:literal] $name:ident;)+) => {
        $(
            #[doc = $doc]
            #[derive(
                Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            )]
            #[serde(transparent)]
            pub struct $name(u32);

            impl $name {
                /// The id of the item at `index`. Saturates; validation refuses Models so large.
                #[must_use]
                pub fn new(index: usize) -> Self {
                    Self(u32::try_from(index).unwrap_or(u32::MAX))
                }

                /// The index of the item.
                #[must_use]
                pub const fn index(self) -> usize {
                    self.0 as usize
                }

                /// The index as it is stored in programs and maps.
                #[must_use]
                pub const fn raw(self) -> u32 {
                    self.0
                }
            }
        )+
    };
}

id! {
    /// Index into [`Model::files`](crate::Model::files).
    FileId;
    /// Index into [`Model::selectors`](crate::Model::selectors).
    SelectorId;
    /// Index into [`Model::policies`](crate::Model::policies).
    PolicyId;
    /// Index into [`Model::rules`](crate::Model::rules).
    RuleId;
}
