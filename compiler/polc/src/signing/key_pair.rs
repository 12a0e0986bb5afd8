//! Making a pair of keys.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use minisign::KeyPair;
use polc_bundle::signature::KeyId;

use crate::operational::OperationalError;

/// How a secret key is kept.
pub(crate) enum Protection {
    /// Under a password.
    Password(String),
    /// As it is: whoever reads the file can sign.
    None,
}

/// Makes a pair of keys in two new files; the secret one is its owner's alone. Never touches a
/// file that exists.
pub(crate) fn generate(
    secret: &Path,
    public: &Path,
    protection: Protection,
) -> Result<KeyId, OperationalError> {
    let failed = |cause: minisign::PError| OperationalError::NoKey {
        cause: cause.to_string(),
    };
    let (pair, comment) = match protection {
        Protection::Password(password) => (
            KeyPair::generate_encrypted_keypair(Some(password)).map_err(failed)?,
            "minisign encrypted secret key",
        ),
        Protection::None => (
            KeyPair::generate_unencrypted_keypair().map_err(failed)?,
            "minisign unencrypted secret key",
        ),
    };
    let secret_text = pair.sk.to_box(Some(comment)).map_err(failed)?.into_string();
    let public_text = pair.pk.to_box().map_err(failed)?.into_string();
    create(secret, &secret_text, 0o600)?;
    create(public, &public_text, 0o644).inspect_err(|_| {
        // Made a moment ago, and of no use without its other half.
        let _ = fs::remove_file(secret);
    })?;
    let mut id = [0; 8];
    id.iter_mut()
        .zip(pair.pk.keynum())
        .for_each(|(to, from)| *to = *from);
    Ok(KeyId::from_bytes(id))
}

/// Writes a file that does not exist yet.
#[cfg_attr(
    not(unix),
    expect(unused_variables, reason = "modes are a thing of Unix")
)]
fn create(path: &Path, text: &str, mode: u32) -> Result<(), OperationalError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => OperationalError::KeyExists {
            path: path.to_owned(),
        },
        _ => OperationalError::Unwritable {
            path: path.to_owned(),
            source,
        },
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| {
            let _ = fs::remove_file(path);
            OperationalError::Unwritable {
                path: path.to_owned(),
                source,
            }
        })
}
