//! Whose bundles the agent takes.

use std::{fs, io::Read as _, path::Path};

use polc_bundle::signature::{self, KeyId, PublicKey, Signature, SignatureError};

use crate::{Error, state_dir::Source};

/// Whose bundles the agent takes.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Everybody's: whoever may give the agent a bundle decides what is enforced.
    Anyone,
    /// Only those that one of these keys signed. Never empty.
    Keys(Vec<PublicKey>),
}

impl Trust {
    /// Reads the keys. Without any, everybody is trusted.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no public key.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, Error> {
        let keys = files
            .iter()
            .map(|file| read_key(file.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(if keys.is_empty() {
            Self::Anyone
        } else {
            Self::Keys(keys)
        })
    }

    /// Checks that the bundle is one to take, before anything of it is looked at. Says which key
    /// signed it, where signatures are asked for. The path is for messages.
    ///
    /// # Errors
    /// [`Error::Untrusted`].
    pub fn check(&self, source: &Source, bundle_path: &Path) -> Result<Option<KeyId>, Error> {
        let Self::Keys(keys) = self else {
            return Ok(None);
        };
        let untrusted = |cause: String| Error::Untrusted {
            path: bundle_path.to_owned(),
            cause,
        };
        let Some(text) = &source.signature else {
            let path = signature::path(bundle_path);
            return Err(untrusted(format!(
                "it is not signed: there is no `{}`",
                path.display()
            )));
        };
        let verified = std::str::from_utf8(text)
            .map_err(|_| SignatureError::NotASignature)
            .and_then(Signature::parse)
            .and_then(|signature| {
                signature.verify(&source.bundle, keys)?;
                Ok(signature.key())
            });
        verified
            .map(Some)
            .map_err(|cause| untrusted(cause.to_string()))
    }
}

/// The signature beside a bundle, if there is one. It may hold anything.
///
/// # Errors
/// There is one, and it cannot be read.
pub(crate) fn read_signature(bundle: &Path) -> Result<Option<Vec<u8>>, Error> {
    let path = signature::path(bundle);
    match read_short(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::file(path)(cause)),
    }
}

fn read_key(path: &Path) -> Result<PublicKey, Error> {
    let bytes = read_short(path).map_err(Error::file(path))?;
    std::str::from_utf8(&bytes)
        .map_err(|_| SignatureError::NotAPublicKey)
        .and_then(PublicKey::parse)
        .map_err(|cause| Error::PublicKey {
            path: path.to_owned(),
            cause: cause.to_string(),
        })
}

/// A file, up to a byte more than a key or a signature can be: then it is neither.
fn read_short(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(signature::MAX_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
