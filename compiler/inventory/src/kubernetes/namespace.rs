//! `Namespace`: labels for those in it.

use serde::Deserialize;

use super::metadata::Metadata;
use crate::{InventoryError, Part};

#[derive(Deserialize)]
pub(super) struct Namespace {
    metadata: Metadata,
}

pub(super) fn read(namespace: Namespace, part: &mut Part) -> Result<(), InventoryError> {
    part.add_namespace(namespace.metadata.name, namespace.metadata.labels)
}
