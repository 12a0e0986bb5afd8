//! The **bundle**: one deterministic, content-addressed file that carries a compiled package.
//!
//! It is an uncompressed tar archive, so that `tar tf shop.polb` shows what is inside:
//!
//! | entry | content |
//! |---|---|
//! | `digest` | SHA-256 of `manifest.json`, in hexadecimal: the bundle's name |
//! | `manifest.json` | format version, compiler, package, and the SHA-256 of every other entry |
//! | `model.json` | the [`Model`] |
//! | `plan.json` | the [`Plan`] |
//! | `programs/N.o` | the program of the plan's class number N, as BPF ELF |
//!
//! Reading is strict: what [`Bundle::encode`] would not write is refused, down to the last bit
//! of padding. `docs/bundle.md` describes the format for people; a [`signature`] stands in a file
//! beside the bundle.

mod archive;
mod compile;
mod elements;
mod read;
pub mod signature;

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use ct_codecs::{Encoder as _, Hex};
use polc_model::Model;
use polc_plan::{ClassKey, Plan};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use compile::CompileError;
pub use read::Opened;

/// The version of the format that this code writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 3;
/// The oldest kernel that takes the programs.
const KERNEL: &str = "5.10";

/// The version of this compiler, as the bundles that it writes name it.
pub const COMPILER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A compiled package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The version of the compiler that made it.
    pub compiler: String,
    /// What the policies mean.
    pub model: Arc<Model>,
    /// How they are decided.
    pub plan: Plan,
    /// The ELF files of the plan's classes, in the plan's order.
    pub programs: Vec<Bytes>,
}

/// The name of a bundle: the SHA-256 of its manifest, which holds the digests of the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hexadecimal = [0; 2 * size_of::<Self>()];
        let written = Hex::encode_to_str(&mut hexadecimal, self.0);
        f.write_str(written.map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What the bundle says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    compiler: String,
    package: String,
    /// Oldest kernel whose helpers are enough.
    kernel: String,
    /// SHA-256 of each other entry, by name.
    entries: BTreeMap<String, String>,
}

impl Manifest {
    const MODEL: &'static str = "model.json";
    const PLAN: &'static str = "plan.json";

    /// The entries that it is about, in their order in the file.
    fn names(programs: usize) -> Vec<String> {
        let programs = (0..programs).map(|index| format!("programs/{index}.o"));
        [Self::MODEL, Self::PLAN]
            .map(str::to_owned)
            .into_iter()
            .chain(programs)
            .collect()
    }
}

/// An entry that is to be written: its name and content.
type Part = (String, Bytes);

/// A file that is not a bundle we can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// It is not a bundle at all.
    NotABundle,
    /// It ends too early.
    Truncated,
    /// An entry is not what the manifest promises, or the file is not what a compiler writes.
    Damaged(String),
    /// It was written by a newer polc.
    TooNew(u32),
    /// It was written by an older polc.
    TooOld(u32),
    /// It is intact and does not make sense.
    Invalid(String),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle => f.write_str("this is not a polc bundle"),
            Self::Truncated => f.write_str("the bundle is cut short"),
            Self::Damaged(what) => write!(f, "the bundle is damaged: {what}"),
            Self::TooNew(version) => write!(
                f,
                "the bundle has format {version}; this polc reads up to format {FORMAT_VERSION}"
            ),
            Self::TooOld(version) => write!(
                f,
                "the bundle has format {version}; this polc reads from format {FORMAT_VERSION} on"
            ),
            Self::Invalid(what) => write!(f, "the bundle does not make sense: {what}"),
        }
    }
}

impl std::error::Error for BundleError {}

impl BundleError {
    fn not_as_written() -> Self {
        Self::Damaged("it is not the file that was written".to_owned())
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::TooNew(_) => {
                "update polc and polc-agent, or build it with a polc of this version"
            }
            _ => "build it again with `polc build`",
        }
    }
}

impl Bundle {
    /// The program of a class, if the bundle holds it.
    #[must_use]
    pub fn program(&self, key: &ClassKey) -> Option<&Bytes> {
        let index = self
            .plan
            .classes
            .binary_search_by(|class| class.key.cmp(key))
            .ok()?;
        self.programs.get(index)
    }

    /// Writes the bundle. The same bundle gives the same bytes.
    ///
    /// # Errors
    /// Only what serialisation reports; nothing in a valid bundle makes it fail.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        let (digest, manifest, entries) = self.parts()?;
        archive::write(&digest.to_string(), &manifest, &entries)
    }

    /// The bundle's name.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn digest(&self) -> Result<Digest, BundleError> {
        Ok(self.parts()?.0)
    }

    /// Reads a bundle and checks all of it, as [`Opened::read`] does.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, BundleError> {
        Opened::read(&bytes.into()).map(Opened::into_bundle)
    }

    /// Digest, manifest, and the other entries.
    fn parts(&self) -> Result<(Digest, Vec<u8>, Vec<Part>), BundleError> {
        let said = [json(&*self.model)?, json(&self.plan)?].map(Bytes::from);
        let programs = self.programs.iter().cloned();
        let names = Manifest::names(self.programs.len()).into_iter();
        let entries: Vec<Part> = names.zip(said.into_iter().chain(programs)).collect();
        let manifest = Manifest {
            format: FORMAT_VERSION,
            compiler: self.compiler.clone(),
            package: self.model.package.clone(),
            kernel: KERNEL.to_owned(),
            entries: entries
                .iter()
                .map(|(name, content)| (name.clone(), Digest::of(content).to_string()))
                .collect(),
        };
        let manifest = json(&manifest)?;
        Ok((Digest::of(&manifest), manifest, entries))
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, BundleError> {
    let mut bytes =
        serde_json::to_vec(value).map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests;
