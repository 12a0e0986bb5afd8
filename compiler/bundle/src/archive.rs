//! The tar container: fixed headers, so that the same entries give the same bytes.

use std::io::Read as _;

use crate::BundleError;

pub(crate) const DIGEST: &str = "digest";
pub(crate) const MANIFEST: &str = "manifest.json";

/// An entry's name and content.
pub(crate) type Entry = (String, Vec<u8>);

/// Writes the archive. `digest` comes first, then the manifest, then the rest.
pub(crate) fn write(
    digest: &str,
    manifest: &[u8],
    entries: &[Entry],
) -> Result<Vec<u8>, BundleError> {
    let failed = |cause: std::io::Error| BundleError::Invalid(cause.to_string());
    let mut archive = tar::Builder::new(Vec::new());
    let head = [(DIGEST, digest.as_bytes()), (MANIFEST, manifest)];
    let rest = entries
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()));
    for (name, content) in head.into_iter().chain(rest) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        archive
            .append_data(&mut header, name, content)
            .map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

/// Reads the entries in order.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, BundleError> {
    const BLOCK: usize = 512;
    if !bytes.starts_with(b"digest\0") {
        return Err(BundleError::NotABundle);
    }
    // An archive ends in two empty blocks.
    if !bytes.len().is_multiple_of(BLOCK) || !bytes.ends_with(&[0; 2 * BLOCK]) {
        return Err(BundleError::Truncated);
    }
    let damaged = |cause: std::io::Error| BundleError::Damaged(cause.to_string());
    let mut entries = Vec::new();
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| BundleError::Damaged("an entry has an unreadable name".to_owned()))?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        entries.push((name, content));
    }
    Ok(entries)
}
