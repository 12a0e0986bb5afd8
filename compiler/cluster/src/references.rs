//! What objects refer to and the files do not hold.

use polc_diagnostics::{Code, Diagnostic};

use crate::{Backend, Cluster, Entrance, Service};

impl Cluster {
    /// Warnings about services, and ports of them, that an [`Entrance`] sends traffic to and that are not
    /// there: nothing is let in to them.
    #[must_use]
    pub fn missing_services(&self) -> Vec<Diagnostic> {
        let backends = self.entrances.iter().flat_map(|entrance| {
            let backends = entrance.backends.iter();
            backends.map(move |backend| (entrance, backend))
        });
        backends
            .filter_map(|(entrance, backend)| self.missing(entrance, backend))
            .collect()
    }

    /// The service that a backend names.
    #[must_use]
    pub fn service_of(&self, entrance: &Entrance, backend: &Backend) -> Option<&Service> {
        self.services.iter().find(|service| {
            service.namespace == entrance.namespace && service.name == backend.service
        })
    }

    fn missing(&self, entrance: &Entrance, backend: &Backend) -> Option<Diagnostic> {
        let name = format!("{}/{}", entrance.namespace, backend.service);
        let (headline, help) = match self.service_of(entrance, backend) {
            None => (
                format!("the files hold no Service `{name}`"),
                "give its file, too, or remove what sends traffic to it".to_owned(),
            ),
            Some(service) if backend.ports_of(service).next().is_none() => {
                let wanted = backend.port.as_ref().or(backend.target.as_ref())?;
                let ports = service.ports.iter().map(|port| match &port.name {
                    Some(name) => format!("`{name}` ({})", port.port),
                    None => port.port.to_string(),
                });
                let ports: Vec<String> = ports.collect();
                (
                    format!("the Service `{name}` has no port `{wanted}`"),
                    match ports.is_empty() {
                        true => "it has no ports at all".to_owned(),
                        false => format!("it has {}", ports.join(", ")),
                    },
                )
            }
            Some(_) => return None,
        };
        let place = backend.place.clone();
        let label = "nothing is let in here";
        Some(Diagnostic::new(Code::UnknownReference, headline, place, label).with_help(help))
    }
}
