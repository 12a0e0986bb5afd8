//! A secret key, read from minisign's file, and what it signs.
//!
//! The file holds a comment and a line of Base64 with 158 bytes: algorithm (2), key derivation (2),
//! checksum (2), the derivation's salt and limits (48), and, under the password where there is
//! one, key id (8), Ed25519 seed and public key (64) and checksum (32).

use std::path::Path;

use blake2::{Blake2b512, Digest as _};
use ct_codecs::{Base64, Decoder as _, Encoder as _};
use minisign::SecretKeyBox;
use polc_bundle::signature::{KeyId, PublicKey, Signature};

use super::password;
use crate::{files, operational::OperationalError};

const DERIVATION: std::ops::Range<usize> = 2..4;
const ID: std::ops::Range<usize> = 54..62;
const KEY: std::ops::Range<usize> = 62..126;
const CHECKSUM: std::ops::Range<usize> = 126..158;
const BYTES: usize = 158;
/// The derivation of a key without a password.
const NONE: [u8; 2] = [0, 0];

/// Ed25519 over the BLAKE2b-512 of the file.
const PREHASHED: [u8; 2] = *b"ED";

/// A key that signs.
pub(crate) struct SecretKey {
    key: ed25519_compact::SecretKey,
    id: KeyId,
    id_bytes: [u8; 8],
    public: PublicKey,
}

impl SecretKey {
    /// Reads a key. Asks for its password on the terminal where it has one and `password_file`
    /// does not name it.
    pub(crate) fn read(
        path: &Path,
        password_file: Option<&Path>,
    ) -> Result<Self, OperationalError> {
        let text = files::read_text(path)?;
        let not_a_key = || OperationalError::NotASecretKey {
            path: path.to_owned(),
        };
        let held = bytes_of(&text).ok_or_else(not_a_key)?;
        let key_box = SecretKeyBox::from(text);
        let key = if held.get(DERIVATION) == Some(&NONE[..]) {
            if held.get(CHECKSUM).is_some_and(|sum| sum == [0; 32]) {
                // minisign's tool writes no checksum where there is no password. A key that is
                // damaged shows when it signs.
                minisign::SecretKey::from_bytes(&held)
            } else {
                key_box.into_unencrypted_secret_key()
            }
            .map_err(|_| not_a_key())?
        } else {
            let password = match password_file {
                Some(file) => password::from_file(file)?,
                None => password::ask_for(path)?,
            };
            key_box
                .into_secret_key(Some(password))
                .map_err(|cause| match cause.kind() {
                    minisign::ErrorKind::Verify => OperationalError::WrongPassword {
                        path: path.to_owned(),
                    },
                    _ => not_a_key(),
                })?
        };
        Self::of(&key).ok_or_else(not_a_key)
    }

    /// Which key pair it belongs to.
    pub(crate) const fn id(&self) -> KeyId {
        self.id
    }

    /// Signs: the text of the signature's file. Without randomness and without a time, so that the
    /// same key, bytes and comment give the same text, which is also the one that the `minisign`
    /// tool writes. `None` when the signature does not fit the key's own public half.
    pub(crate) fn sign(&self, bundle: &[u8], trusted_comment: &str) -> Option<String> {
        let signature = self.key.sign(Blake2b512::digest(bundle), None);
        let covered = [signature.as_ref(), trusted_comment.as_bytes()].concat();
        let global = self.key.sign(covered, None);
        let line = [&PREHASHED[..], &self.id_bytes, signature.as_ref()].concat();
        let text = format!(
            "untrusted comment: signature from key {}\n{}\ntrusted comment: {trusted_comment}\n{}\n",
            self.id,
            Base64::encode_to_string(line).ok()?,
            Base64::encode_to_string(global.as_ref()).ok()?,
        );
        // A damaged key or a faulty machine must not give a signature that tells of the key.
        let made = Signature::parse(&text).ok()?;
        made.verify(bundle, std::slice::from_ref(&self.public))
            .ok()?;
        Some(text)
    }

    /// A key whose password is off.
    fn of(key: &minisign::SecretKey) -> Option<Self> {
        let public = minisign::PublicKey::from_secret_key(key).ok()?;
        let bytes = key.to_bytes();
        let id_bytes: [u8; 8] = bytes.get(ID)?.try_into().ok()?;
        Some(Self {
            key: ed25519_compact::SecretKey::from_slice(bytes.get(KEY)?).ok()?,
            id: KeyId::from_bytes(id_bytes),
            id_bytes,
            public: PublicKey::parse(&public.to_box().ok()?.into_string()).ok()?,
        })
    }
}

/// The bytes of a key's file, if it is one.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let line = text.lines().nth(1)?;
    let bytes = Base64::decode_to_vec(line, None).ok()?;
    (bytes.len() == BYTES).then_some(bytes)
}
