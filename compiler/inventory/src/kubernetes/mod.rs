//! Objects of Kubernetes as parts of an inventory, a kind a file. Their fields have Kubernetes' own
//! names; of its many fields, those that mean nothing here are not looked at.
//!
//! | object | becomes |
//! |---|---|
//! | Pod | an endpoint, once it has an address and until it has ended; not one of the node's own network |
//! | Namespace | the labels of its endpoints' namespace |
//! | Node | this node or another one, at its `InternalIP`s |

mod list;
mod metadata;
mod namespace;
mod node;
mod pod;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::{InventoryError, Part};

pub use pod::INTERFACE_ANNOTATION;

/// Whether a document is an object of Kubernetes, or means to be one.
pub(crate) fn is_object(document: &Value) -> bool {
    ["apiVersion", "kind"]
        .into_iter()
        .any(|key| document.get(key).is_some())
}

/// Adds what an object says to a part.
///
/// # Errors
/// An object of another kind, or one that is not as Kubernetes would have it.
pub(crate) fn read(object: Value, part: &mut Part) -> Result<(), InventoryError> {
    let kind = text_of(&object, "kind").ok_or_else(|| {
        InventoryError::of_the_whole(
            "an object of Kubernetes needs a `kind`: Pod, Namespace, Node or List".to_owned(),
        )
    })?;
    let kind = kind.to_owned();
    read_as(&kind, object, part)
}

/// As [`read`], of an object whose kind is known.
fn read_as(kind: &str, object: Value, part: &mut Part) -> Result<(), InventoryError> {
    let (base, is_list) = match kind.strip_suffix("List") {
        Some(base) => (base, true),
        None => (kind, false),
    };
    let is_known = matches!(base, "Pod" | "Namespace" | "Node") || kind == "List";
    let version = text_of(&object, "apiVersion").unwrap_or("v1");
    if !is_known || version != "v1" {
        return Err(InventoryError::of_the_whole(format!(
            "{} of {version} is not inventory: that is Pod, Namespace, Node and List, of v1",
            metadata::called(kind, &object),
        )));
    }
    match base {
        _ if is_list => list::read(base, object, part),
        "Pod" => pod::read(typed(kind, object)?, part),
        "Namespace" => namespace::read(typed(kind, object)?, part),
        _ => node::read(typed(kind, object)?, part),
    }
}

/// The object, as far as it matters. Errors say which field of which object it is.
fn typed<T: DeserializeOwned>(kind: &str, object: Value) -> Result<T, InventoryError> {
    let called = metadata::called(kind, &object);
    serde_path_to_error::deserialize(object).map_err(|error| {
        InventoryError::of_the_whole(format!("{called}: `{}`: {}", error.path(), error.inner()))
    })
}

fn text_of<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
