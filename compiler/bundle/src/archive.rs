//! The tar container: fixed headers, so that the same entries give the same bytes.

use std::{borrow::Cow, io};

use crate::{BundleError, Part};

pub(crate) const DIGEST: &str = "digest";
pub(crate) const MANIFEST: &str = "manifest.json";

/// What headers are long, and contents are padded to.
const BLOCK: usize = 512;
/// An archive ends in two empty blocks.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// An entry's name and content.
pub(crate) type Entry<'a> = (Cow<'a, str>, &'a [u8]);

/// Writes the archive. `digest` comes first, then the manifest, then the rest.
pub(crate) fn write(
    digest: &str,
    manifest: &[u8],
    entries: &[Part],
) -> Result<Vec<u8>, BundleError> {
    let failed = |cause: io::Error| BundleError::Invalid(cause.to_string());
    let mut archive = tar::Builder::new(Vec::new());
    let head = [(DIGEST, digest.as_bytes()), (MANIFEST, manifest)];
    let rest = entries
        .iter()
        .map(|(name, content)| (name.as_str(), &**content));
    for (name, content) in head.into_iter().chain(rest) {
        let header = header(name, content.len() as u64).map_err(failed)?;
        archive.append(&header, content).map_err(failed)?;
    }
    archive.into_inner().map_err(failed)
}

/// Reads the entries in order. What [`write`] would not write is refused: padding and times, too,
/// which no digest covers.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry<'_>>, BundleError> {
    if !bytes.starts_with(b"digest\0") {
        return Err(BundleError::NotABundle);
    }
    if !bytes.len().is_multiple_of(BLOCK) || !bytes.ends_with(&END) {
        return Err(BundleError::Truncated);
    }
    let mut entries = Vec::new();
    let mut rest = bytes;
    while rest != END {
        let (block, after) = rest.split_first_chunk().ok_or(BundleError::Truncated)?;
        let (entry, after) = entry(block, after)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

/// The entry with this header, and what comes behind it.
fn entry<'a>(
    block: &'a [u8; BLOCK],
    after: &'a [u8],
) -> Result<(Entry<'a>, &'a [u8]), BundleError> {
    let found = tar::Header::from_byte_slice(block);
    let name = match found.path_bytes() {
        Cow::Borrowed(name) => std::str::from_utf8(name).ok().map(Cow::Borrowed),
        Cow::Owned(name) => String::from_utf8(name).ok().map(Cow::Owned),
    };
    let name = name.ok_or_else(BundleError::not_as_written)?;
    let not_as_written = |_| BundleError::not_as_written();
    let size = found.entry_size().map_err(not_as_written)?;
    let written = header(&name, size).map_err(not_as_written)?;
    if written.as_bytes() != block {
        return Err(BundleError::not_as_written());
    }
    let size = usize::try_from(size).map_err(|_| BundleError::Truncated)?;
    let (content, after) = after.split_at_checked(size).ok_or(BundleError::Truncated)?;
    let (padding, after) = after
        .split_at_checked(size.next_multiple_of(BLOCK) - size)
        .ok_or(BundleError::Truncated)?;
    if padding.iter().any(|&byte| byte != 0) {
        return Err(BundleError::not_as_written());
    }
    Ok(((name, content), after))
}

/// The one header of an entry.
fn header(name: &str, size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
}
