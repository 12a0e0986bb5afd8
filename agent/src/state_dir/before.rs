//! What agents before this form of the directory left: the inventory as it was written, always.

use std::{fs, io, path::Path, sync::Arc};

use polc_inventory::Inventory;

use super::{BUNDLE, Left, SIGNATURE};
use crate::inventory_source::InventoryDigest;

pub(super) fn load(directory: &Path) -> Option<Left> {
    let text = fs::read_to_string(directory.join("inventory.yaml")).ok()?;
    let started_with = fs::read(directory.join("started_with.json")).ok()?;
    let inventory = Inventory::parse(&text).ok()?;
    let endpoints = inventory.endpoints.iter();
    let interfaces = endpoints.filter_map(|endpoint| endpoint.interface.clone());
    Some(Left {
        bundle: fs::read(directory.join(BUNDLE)).ok()?.into(),
        signature: match fs::read(directory.join(SIGNATURE)) {
            Ok(signature) => Some(signature.into()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return None,
        },
        interfaces: interfaces.chain(inventory.node.uplinks.clone()).collect(),
        inventory: Some(Arc::new(inventory)),
        inventory_digest: InventoryDigest::of(&text).to_hex(),
        endpoints: Arc::default(),
        started_with: serde_json::from_slice(&started_with).ok()?,
    })
}
