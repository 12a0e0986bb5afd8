//! `polc sign`: sign bundles.

use std::path::{Path, PathBuf};

use polc_bundle::{Bundle, signature};
use serde::Serialize;

use super::finish;
use crate::{
    cli::{Format, SignArguments},
    files,
    operational::OperationalError,
    output::Outcome,
    render::json,
    signing::SecretKey,
};

/// Signs each bundle. Nothing is written unless all of them can be signed.
pub(crate) fn run(arguments: &SignArguments) -> Outcome {
    let format = arguments.format;
    match sign(arguments) {
        Ok(signed) => finish(&text(&signed, format), &[], format, Outcome::Fine),
        Err(error) => finish(&[], &[error], format, Outcome::CouldNotRun),
    }
}

/// What was signed. `--format json` writes a list of these; fields may be added, never removed or
/// renamed.
#[derive(Serialize)]
struct Signed {
    bundle: String,
    signature: String,
    key: String,
    trusted_comment: String,
}

fn text(signed: &[Signed], format: Format) -> Vec<u8> {
    let mut text = Vec::new();
    if format == Format::Json {
        json::write(&mut text, &signed);
        return text;
    }
    for one in signed {
        let comment = one.trusted_comment.replace('\t', " ");
        let line = format!("{}: key {}, {comment}\n", one.signature, one.key);
        text.extend_from_slice(line.as_bytes());
    }
    text
}

fn sign(arguments: &SignArguments) -> Result<Vec<Signed>, OperationalError> {
    let bundles = &arguments.bundles;
    if arguments.output.is_some() && bundles.len() > 1 {
        return Err(OperationalError::OneOutput {
            count: bundles.len(),
        });
    }
    // Before anybody types a password for nothing.
    let read = bundles
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let key = SecretKey::read(&arguments.key, arguments.password_file.as_deref())?;
    let mut made = Vec::new();
    for (path, (bytes, comment)) in bundles.iter().zip(read) {
        let text = key
            .sign(&bytes, &comment)
            .ok_or_else(|| OperationalError::NotASecretKey {
                path: arguments.key.clone(),
            })?;
        let output: PathBuf = arguments
            .output
            .clone()
            .unwrap_or_else(|| signature::path(path));
        made.push((path, output, comment, text));
    }
    made.into_iter()
        .map(|(path, output, trusted_comment, text)| {
            files::replace(&output, text.as_bytes())?;
            Ok(Signed {
                bundle: path.display().to_string(),
                signature: output.display().to_string(),
                key: key.id().to_string(),
                trusted_comment,
            })
        })
        .collect()
}

/// A bundle's bytes and what its signature will say. What is no bundle is not signed.
fn read(path: &Path) -> Result<(Vec<u8>, String), OperationalError> {
    let bytes = files::read(path)?;
    let comment = Bundle::decode(bytes.clone())
        .and_then(|bundle| signature::trusted_comment(&bundle))
        .map_err(|cause| OperationalError::Bundle {
            path: path.to_owned(),
            cause,
        })?;
    Ok((bytes, comment))
}
