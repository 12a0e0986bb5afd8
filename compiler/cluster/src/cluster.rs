//! All objects of some files.

use std::{collections::BTreeMap, sync::Arc};

use polc_diagnostics::Diagnostic;
use polc_kubernetes::report::Report;
use polc_model::{Labels, selector::NAMESPACE_NAME_LABEL};

use crate::{
    Endpoints, Entrance, Service, Workload, endpoints, entrance, objects, service, workload,
};

/// What runs in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Namespaces and their labels: those that are declared, and those that something is in.
    pub namespaces: BTreeMap<String, Labels>,
    /// Nodes and their labels.
    pub nodes: BTreeMap<String, Labels>,
    /// In the order of the files.
    pub workloads: Vec<Workload>,
    /// In the order of the files.
    pub services: Vec<Service>,
    /// Addresses of services, in the order of the files.
    pub endpoints: Vec<Endpoints>,
    /// What lets traffic in, in the order of the files.
    pub entrances: Vec<Entrance>,
}

impl Cluster {
    /// Reads files: each with the path that names it in diagnostics, and its text. What is not understood
    /// is left out, and reported.
    pub fn read<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<Diagnostic>) {
        let mut cluster = Self::default();
        let mut diagnostics = Vec::new();
        for (path, text) in files {
            let mut report = Report::new(&Arc::from(path));
            for object in objects::of(text, &mut report) {
                cluster.add(&object, &mut report);
            }
            diagnostics.extend(report.into_diagnostics());
        }
        cluster.name_namespaces();
        (cluster, diagnostics)
    }

    /// The labels of a namespace, if anything is known of it.
    #[must_use]
    pub fn namespace_labels(&self, name: &str) -> Option<&Labels> {
        self.namespaces.get(name)
    }

    fn add(&mut self, object: &objects::Object<'_>, report: &mut Report) {
        match object.kind {
            "Namespace" => {
                if let Some(metadata) = object.metadata(report) {
                    let labels = self.namespaces.entry(metadata.name).or_default();
                    labels.extend(metadata.labels);
                }
            }
            "Node" => {
                if let Some(metadata) = object.metadata(report) {
                    self.nodes.insert(metadata.name, metadata.labels);
                }
            }
            "Service" => self.services.extend(service::read(object, report)),
            "Endpoints" | "EndpointSlice" => {
                self.endpoints.extend(endpoints::read(object, report));
            }
            "Ingress" => self.entrances.extend(entrance::ingress(object, report)),
            "Route" => self.entrances.extend(entrance::route(object, report)),
            _ => self.workloads.extend(workload::read(object, report)),
        }
    }

    /// Every namespace has the label of its name, also where no object declares it.
    fn name_namespaces(&mut self) {
        for workload in &self.workloads {
            if !self.namespaces.contains_key(&workload.namespace) {
                let name = workload.namespace.clone();
                self.namespaces.insert(name, Labels::new());
            }
        }
        for (name, labels) in &mut self.namespaces {
            labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.clone());
        }
    }
}
