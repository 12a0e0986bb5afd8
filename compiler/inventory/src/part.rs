//! An inventory in several files, each a part of it: for whoever writes a file for each pod.

use serde::Deserialize;

use crate::{
    AddressesOf, Endpoint, Inventory, InventoryError, Node, RemoteNode, located, validate,
};

/// A part of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Part {
    /// The node, which one of the parts says.
    pub node: Option<Node>,
    /// Some of the endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Some of the other nodes.
    pub remote_nodes: Vec<RemoteNode>,
    /// Some of who else runs in the cluster.
    pub addresses_of: AddressesOf,
}

impl Part {
    /// Reads YAML. An empty text is an empty part.
    ///
    /// # Errors
    /// Text that is not such YAML.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let part: Option<Self> = serde_yaml::from_str(text).map_err(located)?;
        Ok(part.unwrap_or_default())
    }
}

impl Inventory {
    /// Puts parts together, in this order, and checks the whole. Each has a name, for messages.
    ///
    /// # Errors
    /// No part or several say what the node is, or the whole contradicts itself.
    pub fn of_parts<'p>(
        parts: impl IntoIterator<Item = (&'p str, &'p Part)>,
    ) -> Result<Self, InventoryError> {
        let error = |message: String| InventoryError {
            message,
            location: None,
        };
        let mut node: Option<(&str, &Node)> = None;
        let mut whole = Part::default();
        for (name, part) in parts {
            match (&node, &part.node) {
                (Some((first, _)), Some(_)) => {
                    return Err(error(format!(
                        "`{first}` and `{name}` both say what `node` is; let one of them say it"
                    )));
                }
                (None, Some(said)) => node = Some((name, said)),
                (_, None) => {}
            }
            whole.endpoints.extend(part.endpoints.iter().cloned());
            whole.remote_nodes.extend(part.remote_nodes.iter().cloned());
            whole.addresses_of.extend(&part.addresses_of);
        }
        let Some((_, node)) = node else {
            return Err(error(
                "no file says what `node` is; one of them must".to_owned(),
            ));
        };
        let inventory = Self {
            node: node.clone(),
            endpoints: whole.endpoints,
            remote_nodes: whole.remote_nodes,
            addresses_of: whole.addresses_of,
        };
        validate::validate(&inventory)?;
        Ok(inventory)
    }
}

impl AddressesOf {
    fn extend(&mut self, other: &Self) {
        self.kube_apiserver.extend(&other.kube_apiserver);
        self.health.extend(&other.health);
        self.ingress.extend(&other.ingress);
        self.unmanaged.extend(&other.unmanaged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(parts: &[(&str, &str)]) -> Result<Inventory, String> {
        let parsed: Vec<(&str, Part)> = parts
            .iter()
            .map(|(name, text)| (*name, Part::parse(text).unwrap()))
            .collect();
        Inventory::of_parts(parsed.iter().map(|(name, part)| (*name, part)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn parts_are_the_same_as_one_file() {
        let parts = [
            ("node.yaml", "node: { name: n, addresses: [10.0.0.1] }"),
            ("empty.yaml", "# nothing yet\n"),
            ("a.yaml", "endpoints: [{ name: a, addresses: [10.0.0.2] }]"),
            (
                "b.yaml",
                "endpoints: [{ name: b, addresses: [10.0.0.3] }]\naddresses_of: { health: [10.0.0.9] }",
            ),
        ];
        let one = "node: { name: n, addresses: [10.0.0.1] }\nendpoints:\n\
                   - { name: a, addresses: [10.0.0.2] }\n- { name: b, addresses: [10.0.0.3] }\n\
                   addresses_of: { health: [10.0.0.9] }\n";
        assert_eq!(whole(&parts), Ok(Inventory::parse(one).unwrap()));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let node = "node: { name: n }";
        assert_eq!(
            whole(&[("a.yaml", node), ("b.yaml", node)]),
            Err("`a.yaml` and `b.yaml` both say what `node` is; let one of them say it".to_owned())
        );
        assert_eq!(
            whole(&[("a.yaml", "endpoints: []")]),
            Err("no file says what `node` is; one of them must".to_owned())
        );
        let twice = "endpoints: [{ name: a, addresses: [10.0.0.2] }]";
        assert_eq!(
            whole(&[("n.yaml", node), ("a.yaml", twice), ("b.yaml", twice)]),
            Err("endpoint `a` occurs twice".to_owned())
        );
        Part::parse("endpoint: []").unwrap_err();
    }
}
