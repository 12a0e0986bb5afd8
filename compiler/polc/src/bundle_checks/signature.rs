//! Is it signed with one of the keys that are trusted? Only asked where keys are given: a signature
//! that nobody holds a key against proves nothing.

use std::path::Path;

use polc_bundle::signature::{self, Signature};

use super::{Check, Subject, Verdict};
use crate::{files, operational::OperationalError};

const NAME: &str = "signature";

pub(super) fn check(subject: &Subject<'_>) -> Check {
    let path = signature::path(&subject.path);
    let found = read(&path);
    if subject.trusted.is_empty() {
        let detail = match found {
            Ok(Some(signature)) => format!(
                "it says that key {} signed it; `--public-key FILE` finds out",
                signature.key()
            ),
            Ok(None) => "it is not signed".to_owned(),
            Err(cause) => format!("`{}`: {cause}", path.display()),
        };
        return Check::new(NAME, Verdict::NotMade, detail);
    }
    let verified = match found {
        Ok(Some(signature)) => signature
            .verify(&subject.bytes, subject.trusted)
            .map(|()| signature)
            .map_err(|cause| cause.to_string()),
        Ok(None) => Err(format!(
            "it is not signed: there is no `{}`",
            path.display()
        )),
        Err(cause) => Err(format!("`{}`: {cause}", path.display())),
    };
    match verified {
        Ok(signature) => {
            let comment = signature.trusted_comment().replace('\t', " ");
            let detail = format!("key {}, {comment}", signature.key());
            Check::new(NAME, Verdict::Passed, detail)
        }
        Err(detail) => Check::new(NAME, Verdict::Failed, detail),
    }
}

/// The signature, if there is one.
fn read(path: &Path) -> Result<Option<Signature>, String> {
    match files::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| "this is not text".to_owned())?;
            let signature = Signature::parse(&text).map_err(|cause| cause.to_string())?;
            Ok(Some(signature))
        }
        Err(OperationalError::MissingFile { .. }) => Ok(None),
        Err(cause) => Err(cause.to_string()),
    }
}
