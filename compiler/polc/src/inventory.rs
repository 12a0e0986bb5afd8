//! Inventories that commands are given: a file, or a directory whose files are parts, as the agent reads
//! them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use polc_inventory::{Inventory, InventoryError, Part, ThisNode, is_part};

use crate::{files, operational::OperationalError, workloads};

/// Reads an inventory, in our words or of Kubernetes. It need not say which node it is for: policies are
/// compared with everybody in it.
pub(crate) fn read(path: &Path) -> Result<Inventory, OperationalError> {
    let texts = texts(path)?;
    if let Some(inventory) = workloads::inventory(&texts) {
        return inventory.map_err(|(path, cause)| OperationalError::Inventory { path, cause });
    }
    let mut parts = Vec::with_capacity(texts.len());
    for (path, text) in &texts {
        let part = Part::parse(text).map_err(unusable(path))?;
        parts.push((path.display().to_string(), part));
    }
    let named = parts.iter().map(|(name, part)| match path.is_dir() {
        true => (name.as_str(), part),
        false => ("the inventory", part),
    });
    Inventory::of_parts(named, &ThisNode::Any).map_err(unusable(path))
}

/// What is to be read, in order of path.
fn texts(path: &Path) -> Result<Vec<(PathBuf, String)>, OperationalError> {
    if !path.is_dir() {
        return Ok(vec![(path.to_owned(), files::read_text(path)?)]);
    }
    let unreadable = |source| OperationalError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        if entry
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(is_part)
        {
            paths.push(entry);
        }
    }
    if paths.is_empty() {
        return Err(unusable(path)(InventoryError {
            message: "no file in it ends in `.yaml`, `.yml` or `.json`".to_owned(),
            location: None,
        }));
    }
    paths.sort();
    let texts = paths.into_iter().map(|path| {
        let text = files::read_text(&path)?;
        Ok((path, text))
    });
    texts.collect()
}

fn unusable(path: &Path) -> impl FnOnce(InventoryError) -> OperationalError + use<> {
    let path = path.to_owned();
    |cause| OperationalError::Inventory { path, cause }
}
