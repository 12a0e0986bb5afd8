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
        help("name a directory with policies, or one file of them")
    )]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A directory without policies in it or below it.
    #[error("`{}` contains no policies", path.display())]
    #[diagnostic(
        code(polc::path::no_policies),
        help("policies are `.pol` files, or YAML and JSON files with Kubernetes policies")
    )]
    NoPolicies {
        /// The path as given.
        path: PathBuf,
    },
    /// A file of another kind.
    #[error("`{}` is not a file of policies", path.display())]
    #[diagnostic(
        code(polc::path::not_policy),
        help(
            "policies are read from files that end in `.pol`, and from Kubernetes objects in `.yaml`, `.yml` and `.json`"
        )
    )]
    NotPolicy {
        /// The path as given.
        path: PathBuf,
    },
    /// A file that was named for its Kubernetes objects, and holds none.
    #[error("`{}` holds no Kubernetes objects", path.display())]
    #[diagnostic(
        code(polc::path::no_objects),
        help("an object has `apiVersion` and `kind`")
    )]
    NoObjects {
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
    /// More packages than are converted at a time.
    #[error("these are {count} packages, and one is converted at a time")]
    #[diagnostic(
        code(polc::convert::several_packages),
        help("name one directory, or files in one directory")
    )]
    ConvertsOne {
        /// How many.
        count: usize,
    },
    /// A file that has the form already that is asked for.
    #[error("`{file}` is a `.pol` file already")]
    #[diagnostic(
        code(polc::convert::same_form),
        help(
            "name the files of Kubernetes objects; `--to cilium` and `--to network-policy` write such"
        )
    )]
    IsPol {
        /// The file.
        file: String,
    },
    /// What was written means something else: never written.
    #[error("what was converted is not the same: {what}")]
    #[diagnostic(
        code(polc::convert::not_the_same),
        help("this is a fault of polc; nothing was written")
    )]
    NotTheSame {
        /// The first difference.
        what: String,
    },
    /// A bundle that cannot be used.
    #[error("`{}`: {cause}", path.display())]
    #[diagnostic(code(polc::bundle), help("{}", cause.help()))]
    Bundle {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        cause: polc_bundle::BundleError,
    },
    /// A file that is no secret key.
    #[error("`{}` is not a secret key of minisign's, or it is damaged", path.display())]
    #[diagnostic(
        code(polc::sign::not_a_key),
        help("`polc keygen` and `minisign -G` make secret keys")
    )]
    NotASecretKey {
        /// The path.
        path: PathBuf,
    },
    /// A file that is no public key.
    #[error("`{}` is not a public key of minisign's", path.display())]
    #[diagnostic(
        code(polc::verify::not_a_key),
        help("`polc keygen` and `minisign -G` make public keys")
    )]
    NotAPublicKey {
        /// The path.
        path: PathBuf,
    },
    /// A password that does not open the key.
    #[error("this is not the password of `{}`", path.display())]
    #[diagnostic(code(polc::sign::wrong_password), help("nothing was signed"))]
    WrongPassword {
        /// The key.
        path: PathBuf,
    },
    /// A password is needed, and nobody is there to ask.
    #[error("`{}` needs a password, and there is no terminal to ask at", key.display())]
    #[diagnostic(
        code(polc::sign::no_password),
        help("`--password-file FILE` reads it from the first line of a file")
    )]
    NoPassword {
        /// The key.
        key: PathBuf,
    },
    /// A new password that was typed differently the second time.
    #[error("the two passwords differ")]
    #[diagnostic(code(polc::keygen::passwords_differ), help("no key was made"))]
    PasswordsDiffer,
    /// A password that protects nothing.
    #[error("the password is empty")]
    #[diagnostic(
        code(polc::keygen::empty_password),
        help("no key was made; `--no-password` makes one that nothing protects")
    )]
    EmptyPassword,
    /// A key that would be overwritten.
    #[error("`{}` exists already", path.display())]
    #[diagnostic(
        code(polc::keygen::exists),
        help("no key was made; a key is never overwritten, so name another file")
    )]
    KeyExists {
        /// The path.
        path: PathBuf,
    },
    /// No key could be made.
    #[error("could not make a key: {cause}")]
    #[diagnostic(code(polc::keygen::failed), help("nothing was written"))]
    NoKey {
        /// Why.
        cause: String,
    },
    /// One output for several signatures.
    #[error("`--output` names one signature, and there are {count} bundles")]
    #[diagnostic(
        code(polc::sign::one_output),
        help("leave it out: each signature is written beside its bundle")
    )]
    OneOutput {
        /// How many bundles.
        count: usize,
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
