//! What keeps polc from doing its work, as opposed to what is wrong in the policies.

use std::{io, path::PathBuf};

use miette::Diagnostic;
use thiserror::Error;

/// A path that could not be used.
#[derive(Debug, Diagnostic, Error)]
pub(crate) enum OperationalError {
    /// Nothing is there.
    #[error("`{}` does not exist", path.display())]
    #[diagnostic(
        code(polc::path::missing),
        help("name a directory with `.pol` files, or one such file")
    )]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A directory without policies in it or below it.
    #[error("`{}` contains no `.pol` files", path.display())]
    #[diagnostic(
        code(polc::path::no_policies),
        help("a package is a directory with at least one `.pol` file")
    )]
    NoPolicies {
        /// The path as given.
        path: PathBuf,
    },
    /// A file of another kind.
    #[error("`{}` is not a `.pol` file", path.display())]
    #[diagnostic(
        code(polc::path::not_policy),
        help("policies are read from files that end in `.pol`")
    )]
    NotPolicy {
        /// The path as given.
        path: PathBuf,
    },
    /// A file or directory that the system does not let us read.
    #[error("could not read `{}`", path.display())]
    #[diagnostic(code(polc::path::unreadable), help("check its permissions"))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that is not text.
    #[error("`{}` is not UTF-8 text", path.display())]
    #[diagnostic(
        code(polc::path::not_text),
        help("the first byte that is not text is at offset {offset}; save the file as UTF-8")
    )]
    NotText {
        /// The path.
        path: PathBuf,
        /// Where the text stops being text.
        offset: usize,
    },
    /// A file that is not there.
    #[error("`{}` does not exist", path.display())]
    #[diagnostic(code(polc::path::missing_file))]
    MissingFile {
        /// The path as given.
        path: PathBuf,
    },
    /// A file that cannot be written.
    #[error("could not write `{}`", path.display())]
    #[diagnostic(code(polc::path::unwritable), help("nothing was changed"))]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More packages than a bundle holds.
    #[error("`{}` contains {count} packages, and a bundle holds one", path.display())]
    #[diagnostic(
        code(polc::build::several_packages),
        help("name the directory of one package")
    )]
    SeveralPackages {
        /// The path as given.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A bundle that cannot be used.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(code(polc::bundle), help("build it again with `polc build`"))]
    Bundle {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        cause: polc_bundle::BundleError,
    },
    /// An inventory that cannot be used.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(code(polc::inventory))]
    Inventory {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        cause: polc_inventory::InventoryError,
    },
    /// The system does not tell us when files change.
    #[error("could not watch `{}`: {cause}", path.display())]
    #[diagnostic(code(polc::watch), help("run `polc check` without `--watch`"))]
    CannotWatch {
        /// The path.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A code that does not exist.
    #[error("there is no code and no lint `{what}`")]
    #[diagnostic(code(polc::explain::unknown), help("{help}"))]
    UnknownCode {
        /// What was asked for.
        what: String,
        /// What to do.
        help: String,
    },
    /// A file that would be overwritten.
    #[error("`{}` exists already", path.display())]
    #[diagnostic(
        code(polc::init::exists),
        help("nothing was written; name another directory")
    )]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A file whose brackets do not match.
    #[error("could not format `{}`: {cause}", path.display())]
    #[diagnostic(
        code(polc::fmt::unbalanced),
        help("the file was left as it is; `polc check` says more")
    )]
    Unbalanced {
        /// The path.
        path: PathBuf,
        /// The bracket.
        cause: polc_format::Unbalanced,
    },
}
