//! What every object has.

use std::collections::BTreeMap;

use polc_model::Labels;
use serde::{Deserialize, Deserializer};
use serde_yaml::Value;

/// Its names and labels.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) labels: Labels,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// `null` is as good as nothing.
pub(super) fn or_nothing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// What an object is called, as far as it says so.
pub(super) fn called(kind: &str, object: &Value) -> String {
    let of_metadata = |key| object.get("metadata")?.get(key)?.as_str();
    match (of_metadata("namespace"), of_metadata("name")) {
        (Some(namespace), Some(name)) => format!("{kind} `{namespace}/{name}`"),
        (None, Some(name)) => format!("{kind} `{name}`"),
        (_, None) => format!("a {kind} without a name"),
    }
}
