//! Objects, out of documents and the lists in them.

use polc_kubernetes::{
    located::{self, Node, Span},
    reader::{Field, Fields, list, text},
    report::Report,
};
use polc_model::Labels;

use crate::fields::labels;

/// Lists in lists; nobody writes more.
const MAX_LISTS: usize = 8;

/// The namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// An object of a kind that is looked at.
pub(crate) struct Object<'a> {
    /// Its kind; for an item of a list that says none, what the list is of.
    pub(crate) kind: &'a str,
    pub(crate) node: Node,
}

/// What objects have in common.
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    /// Where the name is.
    pub(crate) span: Span,
}

/// Kinds of objects, with the groups of API versions that have them.
const KINDS: [(&str, &str); 19] = [
    ("", "Pod"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "Service"),
    ("", "Endpoints"),
    ("", "ReplicationController"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
    // Clusters of before 1.16 have these here.
    ("extensions", "Deployment"),
    ("extensions", "ReplicaSet"),
    ("extensions", "DaemonSet"),
    ("extensions", "Ingress"),
    ("route.openshift.io", "Route"),
];

/// The objects of a text. A text that is not YAML gives those before the mistake: the reader of
/// policies reports it.
pub(crate) fn of(text: &str, report: &mut Report) -> Vec<Object<'static>> {
    let mut objects = Vec::new();
    for document in located::documents(text).0 {
        collect(&document, None, MAX_LISTS, &mut objects, report);
    }
    objects
}

fn collect(
    node: &Node,
    implied: Option<&'static str>,
    lists: usize,
    objects: &mut Vec<Object<'static>>,
    report: &mut Report,
) {
    let word = |name| node.get(name).and_then(Node::text);
    let kind = word("kind").or(implied).unwrap_or_default();
    let group =
        word("apiVersion").map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let known = |kind: &str| {
        let is_it =
            |(of, name): &&(&str, &str)| *name == kind && group.is_none_or(|group| group == *of);
        KINDS.iter().find(is_it).map(|(_, name)| *name)
    };
    if let Some(kind) = known(kind) {
        let node = node.clone();
        objects.push(Object { kind, node });
        return;
    }
    let Some(of) = kind.strip_suffix("List") else {
        return;
    };
    let implied = known(of);
    let items = node.get("items");
    if lists == 0 || (implied.is_none() && !of.is_empty()) {
        return;
    }
    let items = items.and_then(|items| list(items, "`items`", report));
    for item in items.unwrap_or_default() {
        collect(item, implied, lists - 1, objects, report);
    }
}

impl Object<'_> {
    /// Name, namespace and labels. `None` where it has no name: the API server would refuse it, and
    /// nothing can be said about it.
    pub(crate) fn metadata(&self, report: &mut Report) -> Option<Metadata> {
        let fields = Fields::any(&self.node, "an object", report)?;
        let metadata = fields.required("metadata", "an object", report)?;
        let fields = Fields::any(metadata.value, "`metadata`", report)?;
        let name = fields.get("name").or_else(|| fields.get("generateName"));
        let name = match name {
            Some(name) => name,
            None => fields.required("name", "`metadata`", report)?,
        };
        let namespace = fields.get("namespace");
        let namespace = namespace.and_then(|field| text(field.value, "`namespace`", report));
        Some(Metadata {
            name: text(name.value, "`name`", report)?.to_owned(),
            namespace: namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned(),
            labels: labels(fields.get("labels"), "`labels`", report),
            span: name.value.span,
        })
    }

    /// The fields of `spec`.
    pub(crate) fn spec(&self, report: &mut Report) -> Option<Fields<'_>> {
        let spec = self.node.get("spec").filter(|spec| !spec.is_null())?;
        Fields::any(spec, "`spec`", report)
    }

    /// A field beside `metadata`.
    pub(crate) fn field(&self, name: &str, report: &mut Report) -> Option<Field<'_>> {
        Fields::any(&self.node, "an object", report)?.get(name)
    }
}
