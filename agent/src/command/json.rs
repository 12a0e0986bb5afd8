//! Output for machines.

use serde::Serialize;

use crate::Error;

/// Prints a value as one JSON document.
pub(super) fn print(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|cause| Error::kernel("writing JSON")(cause.into()))?;
    println!("{text}");
    Ok(())
}
