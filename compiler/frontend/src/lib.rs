//! From source text, in Pol or as Kubernetes objects, to a Model, as salsa queries.
//!
//! ```text
//! SourceFile ──parse──► tree ──declarations──► what others see of the file, without places
//!                         │                          │
//!                         │        environment: every definition of the package, resolved
//!                         ▼                          ▼
//!                    lower_file: policies and tests of one file, and diagnostics
//!                                                    │
//!                                  model, diagnostics: of the whole package
//! ```
//!
//! - [`Database`] is the whole interface: files go in, an [`Analysis`] comes out. Nothing here
//!   reads a disk, a clock or the environment.
//! - A file of Kubernetes objects has no tree of Pol. It joins at `lower_file`, with policies that
//!   [`polc_kubernetes`] read.
//! - Analysis is total: a file that does not parse still contributes what could be understood.
//! - What one file needs of another goes through `lookup`, whose values carry no places. An edit
//!   that moves text about therefore re-runs the queries of its own file, and nothing else.

mod assemble;
mod conflicts;
mod database;
mod declarations;
mod environment;
#[cfg(test)]
mod incremental;
mod lints;
mod locate;
mod lower;
#[cfg(test)]
mod meaning;
mod modules;
mod origin;
mod resolver;
mod sink;
mod source_kind;
mod stdlib;
mod syntax;
#[cfg(test)]
mod totality;
mod types;

pub use assemble::Analysis;
pub use database::Database;
pub use lints::{ItemLevel, LintLevels};
pub use source_kind::SourceKind;
pub use stdlib::standard_library;
