//! Endpoints that come and go through the API, one by one, beside an inventory.

use std::{collections::BTreeMap, sync::Arc};

use polc_inventory::{Endpoint, InventoryError, Part};

/// What is to become of some endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Those that there shall be, by full name.
    pub(crate) set: BTreeMap<String, Arc<Endpoint>>,
    /// Full names of those that there shall not be, and why.
    pub(crate) removed: Vec<(String, String)>,
}

impl Change {
    /// Reads a part of an inventory that says endpoints and nothing else.
    ///
    /// # Errors
    /// It is no part, says something else, or says nobody.
    pub(crate) fn read(text: &str) -> Result<Self, InventoryError> {
        let error = |message: &str| InventoryError {
            message: message.to_owned(),
            location: None,
        };
        let part = Part::parse(text)?;
        let only_endpoints = Part {
            endpoints: part.endpoints.clone(),
            without_endpoint: part.without_endpoint.clone(),
            ..Part::default()
        };
        if part != only_endpoints {
            return Err(error(
                "only endpoints can be set: `endpoints`, or Pods; the rest belongs in the inventory",
            ));
        }
        let mut change = Self::default();
        for endpoint in part.endpoints {
            let name = endpoint.full_name();
            if change.set.insert(name.clone(), endpoint).is_some() {
                return Err(error(&format!("endpoint `{name}` occurs twice")));
            }
        }
        for gone in part.without_endpoint {
            change.removed.push((gone.name, gone.why.to_owned()));
        }
        if change == Self::default() {
            return Err(error("it says no endpoint"));
        }
        Ok(change)
    }

    /// The removal of one.
    pub(crate) fn removal(name: &str) -> Self {
        Self {
            set: BTreeMap::new(),
            removed: vec![(name.to_owned(), "it was asked for".to_owned())],
        }
    }

    /// Makes the change.
    pub(crate) fn make(self, endpoints: &mut BTreeMap<String, Arc<Endpoint>>) {
        for (name, _) in &self.removed {
            endpoints.remove(name);
        }
        for (name, endpoint) in self.set {
            // The same one stays the same one.
            if endpoints.get(&name) != Some(&endpoint) {
                endpoints.insert(name, endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_our_own_words_set_endpoints() {
        let change = Change::read(
            "endpoints: [{ name: a, addresses: [10.0.0.1] }]\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: { name: b, namespace: n }\n\
             spec: { nodeName: x }\nstatus: { podIP: 10.0.0.2 }\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: { name: c, namespace: n }\n\
             spec: { nodeName: x }\nstatus: { phase: Failed, podIP: 10.0.0.3 }\n",
        )
        .unwrap();
        assert_eq!(change.set.keys().collect::<Vec<_>>(), ["a", "n/b"]);
        let ended = ("n/c".to_owned(), "it has ended".to_owned());
        assert_eq!(change.removed, [ended]);
        let mut endpoints = BTreeMap::new();
        change.make(&mut endpoints);
        Change::removal("a").make(&mut endpoints);
        assert_eq!(endpoints.keys().collect::<Vec<_>>(), ["n/b"]);
    }

    #[test]
    fn nothing_else_can_be_set() {
        let said = |text: &str| Change::read(text).unwrap_err().message;
        assert!(said("node: { name: n }").starts_with("only endpoints"));
        assert!(said("namespaces: { a: {} }").starts_with("only endpoints"));
        assert_eq!(said("endpoints: []"), "it says no endpoint");
        let one = "{ name: a, addresses: [10.0.0.1] }";
        let twice = format!("endpoints: [{one}, {one}]");
        assert_eq!(said(&twice), "endpoint `a` occurs twice");
    }
}
