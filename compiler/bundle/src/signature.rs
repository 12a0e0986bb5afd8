//! Signatures: Ed25519 in the format of [minisign](https://jedisct1.github.io/minisign/), in a file
//! of their own beside the bundle, so that its `minisign` tool reads and writes them too.
//!
//! A signature covers every byte of the bundle (by BLAKE2b-512, the format's *prehashed* form; the
//! older form is refused) and its own trusted comment. The untrusted comment is covered by nothing.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use ct_codecs::{Base64, Decoder as _};

use crate::{Bundle, BundleError, FORMAT_VERSION};

/// What the name of a signature has behind the bundle's.
pub const SUFFIX: &str = ".minisig";

/// The longest file that can be a key or a signature. The tool's comments have at most 8 KiB.
pub const MAX_BYTES: u64 = 16 * 1024;

const UNTRUSTED: &str = "untrusted comment: ";

/// Where the signature of a bundle is: `NAME.polb.minisig` beside `NAME.polb`.
#[must_use]
pub fn path(bundle: &Path) -> PathBuf {
    let mut path = OsString::from(bundle);
    path.push(SUFFIX);
    path.into()
}

/// What the trusted comment of a bundle's signature says: package, digest and format. It is for
/// people; nothing is decided by it. The same bundle gives the same comment, without a time.
///
/// # Errors
/// As [`Bundle::digest`]; a package name that no line of text holds.
pub fn trusted_comment(bundle: &Bundle) -> Result<String, BundleError> {
    let package = &bundle.model.package;
    if package.chars().any(char::is_control) || package.len() > 1024 {
        return Err(BundleError::Invalid(
            "the package's name is not one that a signature can carry".to_owned(),
        ));
    }
    let digest = bundle.digest()?;
    Ok(format!(
        "package:{package}\tdigest:{digest}\tformat:{FORMAT_VERSION}"
    ))
}

/// Which key pair: eight random bytes that its two halves and its signatures carry. It proves
/// nothing; it only says which key to try.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A bundle that is not signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The file holds no signature.
    NotASignature,
    /// The file holds no public key.
    NotAPublicKey,
    /// It is of the older form, which minisign itself no longer accepts.
    NotPrehashed,
    /// It was made with another key than those that are trusted.
    OtherKey {
        /// The key that made it, as it says.
        signed_by: KeyId,
        /// The keys that are trusted.
        trusted: Vec<KeyId>,
    },
    /// Bundle and signature do not belong together, or one of them was changed.
    DoesNotFit(KeyId),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASignature => f.write_str("this is not a minisign signature"),
            Self::NotAPublicKey => f.write_str("this is not a minisign public key"),
            Self::NotPrehashed => {
                f.write_str("the signature is of minisign's legacy form; sign without `-l`")
            }
            Self::OtherKey { signed_by, trusted } => {
                let trusted: Vec<String> = trusted.iter().map(KeyId::to_string).collect();
                write!(
                    f,
                    "signed with key {signed_by}, which is not trusted; trusted: {}",
                    trusted.join(", ")
                )
            }
            Self::DoesNotFit(key) => write!(
                f,
                "the signature with key {key} does not fit: the bundle or the signature was changed"
            ),
        }
    }
}

impl std::error::Error for SignatureError {}

/// A key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    id: KeyId,
}

impl PublicKey {
    /// Reads a key as minisign writes it: a comment and a line of Base64.
    ///
    /// # Errors
    /// [`SignatureError::NotAPublicKey`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let read = || {
            let key = minisign_verify::PublicKey::decode(text).ok()?;
            let [_, line] = lines(text)?;
            Some(Self {
                key,
                id: key_id(line)?,
            })
        };
        read().ok_or(SignatureError::NotAPublicKey)
    }

    /// Which key pair it belongs to.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

/// A signature as a file holds it. Nothing is known about it yet; see [`Signature::verify`].
#[derive(Clone)]
pub struct Signature {
    signature: minisign_verify::Signature,
    id: KeyId,
}

impl Signature {
    /// Reads a signature as minisign writes it: four lines.
    ///
    /// # Errors
    /// [`SignatureError::NotASignature`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let read = || {
            let signature = minisign_verify::Signature::decode(text).ok()?;
            let [_, line, _, _] = lines(text)?;
            Some(Self {
                signature,
                id: key_id(line)?,
            })
        };
        read().ok_or(SignatureError::NotASignature)
    }

    /// The key that made it, as it says.
    #[must_use]
    pub const fn key(&self) -> KeyId {
        self.id
    }

    /// What it says about itself. Only worth something once the signature is verified.
    #[must_use]
    pub fn trusted_comment(&self) -> &str {
        self.signature.trusted_comment()
    }

    /// Checks that one of these keys made it, for exactly these bytes.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify(&self, bundle: &[u8], trusted: &[PublicKey]) -> Result<(), SignatureError> {
        let mut found = SignatureError::OtherKey {
            signed_by: self.id,
            trusted: trusted.iter().map(PublicKey::id).collect(),
        };
        // Two keys may have one id: it is random, and nobody checks it.
        for key in trusted.iter().filter(|key| key.id == self.id) {
            found = match key.key.verify(bundle, &self.signature, false) {
                Ok(()) => return Ok(()),
                Err(minisign_verify::Error::UnexpectedAlgorithm) => SignatureError::NotPrehashed,
                Err(_) => SignatureError::DoesNotFit(self.id),
            };
        }
        Err(found)
    }
}

/// The lines of a file that begins with an untrusted comment and has exactly so many.
fn lines<const N: usize>(text: &str) -> Option<[&str; N]> {
    let lines: Vec<&str> = text.lines().collect();
    let is_ours = text.starts_with(UNTRUSTED);
    lines.try_into().ok().filter(|_| is_ours)
}

/// Keys and signatures both begin with two bytes for the algorithm and the key's id.
fn key_id(line: &str) -> Option<KeyId> {
    let bytes = Base64::decode_to_vec(line, None).ok()?;
    Some(KeyId(bytes.get(2..10)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use std::sync::Arc;

    use super::*;

    const BUNDLE: &[u8] = b"not a bundle, and a signature does not mind";

    fn key() -> (KeyPair, PublicKey) {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let text = pair.pk.to_box().unwrap().into_string();
        (pair, PublicKey::parse(&text).unwrap())
    }

    fn signed(pair: &KeyPair) -> String {
        let signature = minisign::sign(None, &pair.sk, BUNDLE, Some("package:shop"), None);
        signature.unwrap().into_string()
    }

    #[test]
    fn a_signature_is_good_for_its_bytes_and_its_key_alone() {
        let (pair, public) = key();
        let (_, other) = key();
        let signature = Signature::parse(&signed(&pair)).unwrap();
        assert_eq!(signature.trusted_comment(), "package:shop");
        assert_eq!(signature.key(), public.id());
        assert_eq!(
            signature.verify(BUNDLE, &[other.clone(), public.clone()]),
            Ok(())
        );
        let strangers = SignatureError::OtherKey {
            signed_by: public.id(),
            trusted: vec![other.id()],
        };
        assert_eq!(
            signature.verify(BUNDLE, std::slice::from_ref(&other)),
            Err(strangers)
        );
        let changed = signature.verify(b"other bytes", std::slice::from_ref(&public));
        assert_eq!(changed, Err(SignatureError::DoesNotFit(public.id())));
        // Whoever takes a trusted key's id has not got the key.
        let impostor = PublicKey {
            id: public.id(),
            ..other
        };
        assert!(
            signature
                .verify(BUNDLE, std::slice::from_ref(&impostor))
                .is_err()
        );
    }

    #[test]
    fn a_signature_that_was_changed_anywhere_it_matters_is_refused() {
        let (pair, public) = key();
        let text = signed(&pair);
        let from = text.find('\n').unwrap();
        for position in from..text.trim_end().len() {
            let mut bytes = text.clone().into_bytes();
            bytes[position] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let verified = Signature::parse(&changed)
                .and_then(|signature| signature.verify(BUNDLE, std::slice::from_ref(&public)));
            assert!(verified.is_err(), "byte {position}: {changed}");
        }
        for lines in 0..4 {
            let cut: String = text.split_inclusive('\n').take(lines).collect();
            assert!(Signature::parse(&cut).is_err(), "{lines} lines");
        }
        assert!(Signature::parse(&format!("{text}one more line\n")).is_err());
    }

    #[test]
    fn what_is_no_key_is_named_so() {
        for text in ["", "hello", "untrusted comment: x\nRWQ\n"] {
            assert_eq!(PublicKey::parse(text), Err(SignatureError::NotAPublicKey));
        }
    }

    #[test]
    fn the_comment_names_package_digest_and_format() {
        let mut bundle = Bundle::compile(polc_testgen::Case::new(0, &[]).model, []).unwrap();
        let comment = trusted_comment(&bundle).unwrap();
        let expected = format!(
            "package:{}\tdigest:{}\tformat:{FORMAT_VERSION}",
            bundle.model.package,
            bundle.digest().unwrap()
        );
        assert_eq!(comment, expected);
        Arc::make_mut(&mut bundle.model).package = "a\nb".to_owned();
        assert!(trusted_comment(&bundle).is_err());
    }
}
