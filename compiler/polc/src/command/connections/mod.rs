//! `polc connections`: who may talk to whom on what in a cluster.

mod drawing;
mod explain;
mod probes;
mod requests;
mod text;
mod views;

use polc_cluster::Cluster;
use polc_connections::Connections;
use polc_diagnostics::{Diagnostic, Severity};

use super::{finish, graph};
use crate::{
    cli::{ConnectionsArguments, ConnectionsFormat, Format},
    output::{self, Outcome},
    package::{self, LoadedPackage},
    render::{self, json},
    strictness::Strictness,
};
use explain::Deciders;

/// Says what the policies of a cluster allow.
pub(crate) fn run(arguments: &ConnectionsArguments) -> Outcome {
    let (package, errors) =
        package::load_cluster(&arguments.paths, Strictness::of(arguments.permissive));
    let format = match arguments.format {
        ConnectionsFormat::Txt => Format::Human,
        _ => Format::Plain,
    };
    let Some(package) = package else {
        return finish(&[], &errors, format, Outcome::CouldNotRun);
    };
    let objects = package.sources().filter(|(path, _)| is_of_objects(path));
    let (cluster, mut of_cluster) = Cluster::read(objects);
    of_cluster.extend(cluster.missing_services());
    let diagnostics = diagnostics(&package, of_cluster);
    let mut findings = Vec::new();
    render::diagnostics(&mut findings, &package, &diagnostics, format);
    if diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error)
    {
        return finish(&findings, &errors, format, Outcome::Findings);
    }
    // What is only worth a warning is not in the way of what reads the result.
    if output::write_error(&findings).is_err() {
        return Outcome::CouldNotRun;
    }
    let connections = Connections::of(&package.analysis.model, &cluster);
    let deciders = arguments
        .explain
        .then(|| Deciders::of(&package, &connections));
    let deciders = deciders.as_ref();
    let written = output::stream(|out| match arguments.format {
        ConnectionsFormat::Json if arguments.probes => probes::json(out, &connections, &cluster),
        _ if arguments.probes => probes::lines(out, &connections, &cluster),
        ConnectionsFormat::Txt => text::lines(out, &connections, deciders),
        ConnectionsFormat::Csv => text::csv(out, &connections, deciders),
        ConnectionsFormat::Json => {
            let mut text = Vec::new();
            json::write(&mut text, &views::all(&connections, deciders));
            out.write_all(&text)
        }
        ConnectionsFormat::Dot => out.write_all(drawing::dot(&connections, deciders).as_bytes()),
        ConnectionsFormat::Svg => {
            let dot = drawing::dot(&connections, deciders);
            out.write_all(graph::svg(&dot).unwrap_or_default().as_bytes())
        }
    });
    match written {
        Ok(()) => finish(&[], &errors, format, Outcome::Fine),
        Err(_) => Outcome::CouldNotRun,
    }
}

fn is_of_objects(path: &str) -> bool {
    polc_frontend::SourceKind::of(path) == polc_frontend::SourceKind::Kubernetes
}

/// What is wrong with the policies and with the other objects.
fn diagnostics(package: &LoadedPackage, of_cluster: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut all = package.diagnostics().to_vec();
    all.extend(of_cluster);
    all.sort_by(|one, other| one.order().cmp(&other.order()));
    all
}
