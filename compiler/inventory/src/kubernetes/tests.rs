use super::*;
use crate::{Inventory, Place, ThisNode};

/// What `kubectl get pods,ns,nodes -A -o yaml` writes, shortened.
const CLUSTER: &str = include_str!("tests/cluster.yaml");

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/inventory");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn on(node: &str, text: &str) -> Result<Inventory, String> {
    let part = Part::parse(text).map_err(|error| error.to_string())?;
    Inventory::of_parts([("cluster.yaml", &part)], &ThisNode::Named(node.to_owned()))
        .map_err(|error| error.to_string())
}

#[test]
fn a_cluster_is_read_as_kubectl_writes_it() {
    let inventory = on("node-1", CLUSTER).unwrap();
    snapshot("kubernetes", &serde_yaml::to_string(&inventory).unwrap());
    let places: Vec<Place<'_>> = inventory
        .endpoints
        .iter()
        .map(|one| inventory.place(one))
        .collect();
    assert_eq!(
        places,
        [
            Place::Routed,
            Place::Interface("cali12345"),
            Place::Elsewhere
        ]
    );
    let web = inventory.endpoints.first().unwrap();
    let facts = inventory.facts(web, None);
    assert_eq!(
        facts.namespace_labels.get("team").map(String::as_str),
        Some("payments")
    );
}

#[test]
fn the_same_objects_serve_every_node() {
    let other = on("node-2", CLUSTER).unwrap();
    assert_eq!(other.node.name, "node-2");
    assert_eq!(other.remote_nodes[0].name, "node-1");
    let places: Vec<Place<'_>> = other.endpoints.iter().map(|one| other.place(one)).collect();
    // The interface of the same name is its own node's.
    assert_eq!(
        places,
        [
            Place::Elsewhere,
            Place::Elsewhere,
            Place::Interface("cali12345")
        ]
    );
    assert_eq!(
        on("node-3", CLUSTER).unwrap_err(),
        "no Node is called `node-3`, as this node is; say `--node` if it has another name"
    );
}

#[test]
fn json_and_documents_say_the_same() {
    let value: Value = serde_yaml::from_str(CLUSTER).unwrap();
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(on("node-1", &json), on("node-1", CLUSTER));
    let items = value.get("items").and_then(Value::as_sequence).unwrap();
    let documents: Vec<String> = items
        .iter()
        .map(|item| serde_yaml::to_string(item).unwrap())
        .collect();
    assert_eq!(
        on("node-1", &documents.join("---\n")),
        on("node-1", CLUSTER)
    );
}

#[test]
fn a_node_may_be_said_in_both_ways() {
    let ours =
        "node: { name: node-1, addresses: [10.244.0.1, 192.168.0.1], uplinks: [eth0] }\n---\n";
    let inventory = on("node-1", &format!("{ours}{CLUSTER}")).unwrap();
    let addresses: Vec<String> = inventory
        .node
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(addresses, ["10.244.0.1", "192.168.0.1", "fd00::1"]);
    assert_eq!(inventory.node.uplinks, ["eth0"]);
    assert_eq!(
        on("node-2", &format!("{ours}{CLUSTER}")).unwrap_err(),
        "`node` is `node-1`, and this agent was told that its node is `node-2`"
    );
}

#[test]
fn what_is_no_endpoint_is_known_with_its_reason() {
    let part = Part::parse(CLUSTER).unwrap();
    let reasons: Vec<(&str, &str)> = part
        .without_endpoint
        .iter()
        .map(|one| (one.name.as_str(), one.why))
        .collect();
    assert_eq!(
        reasons,
        [
            ("kube-system/proxy", "it has its node's network"),
            ("shop/job", "it has ended"),
            ("shop/new", "it has no address yet"),
            ("shop/waiting", "it is on no node yet"),
        ]
    );
}

#[test]
fn errors_name_the_object_and_its_field() {
    let errors: Vec<String> = [
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }",
        "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }",
        "apiVersion: v1\nkind: List\nitems: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: c } }]",
        "apiVersion: v1\nmetadata: { name: web }",
        "apiVersion: v1\nkind: List\nitems: { a: b }",
        "apiVersion: v1\nkind: Pod\nmetadata: { namespace: shop }",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: w, namespace: shop }\nspec: { containers: [{ ports: [{ containerPort: 65536 }] }] }",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: w, namespace: shop, labels: { a: 1 } }",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: w }\nspec: { nodeName: n, containers: [{ ports: [{ name: a, containerPort: 1, protocol: ICMP }] }] }\nstatus: { podIP: 10.0.0.1 }",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: w }\nspec: { nodeName: n }\nstatus: { podIP: ten }",
        "apiVersion: v1\nkind: Node\nmetadata: { name: n }\nstatus: { addresses: [{ type: InternalIP, address: ten }] }",
        "apiVersion: v1\nkind: Namespace\nmetadata: { name: n }\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: n }",
        "kind: Pod\nmetadata: [",
    ]
    .into_iter()
    .map(|text| Part::parse(text).unwrap_err().to_string())
    .collect();
    snapshot("kubernetes_errors", &errors.join("\n"));
}
