//! Workloads: pods, and what makes them.

use std::sync::Arc;

use polc_diagnostics::Place;
use polc_kubernetes::{
    reader::{Fields, text},
    report::Report,
};
use polc_model::{Labels, NamedPorts};

use crate::{
    ContainerPort, PodNetwork,
    fields::{inner, items, labels, number, word},
    objects::Object,
    pod,
};

/// Pods that are alike: those that one object makes, or a single one.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The namespace.
    pub namespace: String,
    /// The name of what makes the pods; of a pod that nothing makes, its own.
    pub name: String,
    /// The kind of that object.
    pub kind: String,
    /// The pod's own name, for a pod.
    pub pod: Option<String>,
    /// The labels of its pods.
    pub labels: Labels,
    /// What they run as.
    pub service_account: String,
    /// Whose network they use.
    pub network: PodNetwork,
    /// The node that a pod is to run on, where it says so.
    pub node: Option<String>,
    /// The ports of their containers, in the order of the text.
    pub ports: Vec<ContainerPort>,
    /// The ports that have a name.
    pub named_ports: NamedPorts,
    /// How many there are to be.
    pub replicas: u32,
    /// The commands of their probes.
    pub probes: Vec<Vec<String>>,
    /// Where the object has its name.
    pub place: Place,
}

/// Reads a workload. `None` where it has no name or no pods.
pub(crate) fn read(object: &Object<'_>, report: &mut Report) -> Option<Workload> {
    let metadata = object.metadata(report)?;
    let spec = object.spec(report)?;
    let place = report.place(metadata.span);
    let (mut name, mut kind) = (metadata.name.clone(), object.kind.to_owned());
    let (of_pod, pod_labels, pod_name) = if object.kind == "Pod" {
        if let Some((owner, owner_kind)) = owner(object, report) {
            (name, kind) = (owner, owner_kind);
        }
        (spec, metadata.labels, Some(metadata.name))
    } else {
        let spec_of_template = match object.kind {
            "CronJob" => {
                let job = inner(&spec, "jobTemplate", report)?;
                inner(&job, "spec", report)?
            }
            _ => Fields::any(object.node.get("spec")?, "`spec`", report)?,
        };
        let template = inner(&spec_of_template, "template", report)?;
        let of_template = inner(&template, "metadata", report);
        let pod_labels = of_template
            .and_then(|metadata| metadata.get("labels"))
            .map(|field| labels(Some(field), "`labels`", report));
        let of_pod = inner(&template, "spec", report)?;
        (of_pod, pod_labels.unwrap_or_default(), None)
    };
    let replicas = match object
        .node
        .get("spec")
        .and_then(|spec| spec.get("replicas"))
    {
        Some(value) if !value.is_null() => number(value, "`replicas`", report)?,
        _ => 1,
    };
    let pod = pod::read(&of_pod, report);
    Some(Workload {
        namespace: metadata.namespace,
        name,
        kind,
        pod: pod_name,
        labels: pod_labels,
        service_account: pod.service_account,
        network: pod.network,
        node: pod.node,
        named_ports: pod::named(&pod.ports),
        ports: pod.ports,
        replicas,
        probes: pod.probes,
        place,
    })
}

/// Name and kind of what controls a pod, or of the first that owns it. An owner without a kind is one
/// by name only.
fn owner(object: &Object<'_>, report: &mut Report) -> Option<(String, String)> {
    let metadata = object.field("metadata", report)?;
    let metadata = Fields::any(metadata.value, "`metadata`", report)?;
    let owners = items(&metadata, "ownerReferences", report);
    let controls = |owner: &&Fields<'_>| {
        let field = owner.get("controller");
        field.and_then(|field| field.value.text()) == Some("true")
    };
    let owner = owners.iter().find(controls).or_else(|| owners.first())?;
    let name = text(owner.get("name")?.value, "`name`", report)?;
    let kind = word(owner, "kind", report);
    let kind = kind.unwrap_or_else(|| "Pod".to_owned());
    // A node owns the pods that it runs on its own account.
    (kind != "Node").then(|| (name.to_owned(), kind))
}

impl Workload {
    /// `namespace/name[Kind]`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}[{}]", self.namespace, self.name, self.kind)
    }

    /// The file that it is in.
    #[must_use]
    pub const fn file(&self) -> &Arc<str> {
        &self.place.file
    }
}
