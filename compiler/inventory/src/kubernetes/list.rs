//! `List`, as `kubectl get` writes it, and `PodList` and the like, as the API does.

use serde_yaml::Value;

use super::read_as;
use crate::{InventoryError, Part};

/// Adds every item. Those of a list of one kind need not say it.
pub(super) fn read(kind: &str, mut list: Value, part: &mut Part) -> Result<(), InventoryError> {
    let items = list.get_mut("items").map(std::mem::take);
    let items = match items {
        Some(Value::Sequence(items)) => items,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => {
            return Err(InventoryError::of_the_whole(format!(
                "`{kind}List`: `items` is not a list"
            )));
        }
    };
    for item in items {
        if kind.is_empty() || item.get("kind").is_some() {
            super::read(item, part)?;
        } else {
            read_as(kind, item, part)?;
        }
    }
    Ok(())
}
