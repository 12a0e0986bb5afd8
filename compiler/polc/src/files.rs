//! Reading and writing files other than policies.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::operational::OperationalError;

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, OperationalError> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OperationalError::MissingFile {
            path: path.to_owned(),
        },
        _ => OperationalError::Unreadable {
            path: path.to_owned(),
            source,
        },
    })
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, OperationalError> {
    as_text(path, read(path)?)
}

/// The text of a file's content.
pub(crate) fn as_text(path: &Path, content: Vec<u8>) -> Result<String, OperationalError> {
    String::from_utf8(content).map_err(|error| OperationalError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// Writes a file, all of it or nothing: a reader sees the old content or the new. Who may read and
/// write it stays as it was, and a link to it stays a link.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), OperationalError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new: PathBuf = target.with_file_name(name);
    let write = || {
        let mut file = fs::File::create(&new)?;
        if let Ok(metadata) = fs::metadata(&target) {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, &target)
    };
    write().map_err(|source| {
        // What could not be completed is of no use to anyone.
        let _ = fs::remove_file(&new);
        OperationalError::Unwritable {
            path: path.to_owned(),
            source,
        }
    })
}

/// Makes a directory and those above it.
pub(crate) fn create_directory(path: &Path) -> Result<(), OperationalError> {
    fs::create_dir_all(path).map_err(|source| OperationalError::Unwritable {
        path: path.to_owned(),
        source,
    })
}
