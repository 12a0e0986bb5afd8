//! Names of objects.

use std::collections::BTreeSet;

/// The longest name of an object.
const LONGEST: usize = 253;

/// An object's name and namespace.
pub(super) struct Name {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl Name {
    /// As policies of such objects are called.
    pub(super) fn full(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The names that were given.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The name of a policy's object in a namespace. What is no letter, digit or dot becomes `-`.
    ///
    /// # Errors
    /// Nothing is left of it, or another policy has it.
    pub(super) fn give(&mut self, policy: &str, namespace: Option<&str>) -> Result<Name, String> {
        let own = namespace.and_then(|namespace| policy.strip_prefix(namespace)?.strip_prefix('/'));
        let wished = own.unwrap_or(policy);
        let letter = |c: char| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || c == '.' => c,
            _ => '-',
        };
        let name: String = wished.chars().map(letter).collect();
        let name = name.trim_matches(['-', '.']).to_owned();
        if name.is_empty() || name.len() > LONGEST {
            return Err(format!("`{policy}` is not the name of an object"));
        }
        let name = Name {
            namespace: namespace.map(str::to_owned),
            name,
        };
        let full = name.full();
        match self.0.insert(full.clone()) {
            true => Ok(name),
            false => Err(format!("another policy is called `{full}`, too")),
        }
    }
}
