//! `polc convert`: write policies in another form.
//!
//! What is written is read again and compared, before anybody sees it: it means the same, or it is
//! not written.

use polc_convert::{
    Comments, Unsayable,
    kubernetes::{self, Kind},
};
use polc_diagnostics::{Code, Diagnostic};
use polc_frontend::{Database, SourceKind};
use polc_model::Model;

use super::{check, finish};
use crate::{
    cli::{ConvertArguments, Form, Format},
    files,
    operational::OperationalError,
    output::Outcome,
    package::{self, LoadedPackage},
    render::{self, json},
};

/// Converts the one package of the paths.
pub(crate) fn run(arguments: &ConvertArguments) -> Outcome {
    let format = arguments.format;
    let mut loaded = package::load(&arguments.paths);
    if loaded.packages.len() > 1 {
        let count = loaded.packages.len();
        loaded.errors.push(OperationalError::ConvertsOne { count });
    }
    let Some(package) = loaded.packages.first().filter(|_| loaded.errors.is_empty()) else {
        return finish(&[], &loaded.errors, format, Outcome::CouldNotRun);
    };
    if check::outcome(&loaded.packages) == Outcome::Findings {
        let text = render::packages(&loaded.packages, format.of_findings());
        return finish(&text, &[], format, Outcome::Findings);
    }
    let written = match write(package, arguments.to) {
        Ok(written) => written,
        Err(Failure::Unsayable(problems)) => {
            let text = findings(package, &problems, format);
            return finish(&text, &[], format, Outcome::Findings);
        }
        Err(Failure::Operational(error)) => {
            return finish(&[], &[error], format, Outcome::CouldNotRun);
        }
    };
    let Some(output) = &arguments.output else {
        return finish(written.as_bytes(), &[], format, Outcome::Fine);
    };
    match files::replace(output, written.as_bytes()) {
        Ok(()) => finish(&[], &[], format, Outcome::Fine),
        Err(error) => finish(&[], &[error], format, Outcome::CouldNotRun),
    }
}

enum Failure {
    Unsayable(Vec<Unsayable>),
    Operational(OperationalError),
}

/// The package in another form, compared.
fn write(package: &LoadedPackage, form: Form) -> Result<String, Failure> {
    let model = &package.analysis.model;
    let kind = match form {
        Form::Pol => return write_pol(package),
        Form::NetworkPolicy => Kind::NetworkPolicy,
        Form::Cilium => Kind::Cilium,
    };
    let objects = kubernetes::write(model, kind).map_err(Failure::Unsayable)?;
    same(&objects.model, "converted.yaml", objects.text)
}

fn write_pol(package: &LoadedPackage) -> Result<String, Failure> {
    let model = &package.analysis.model;
    let mut sources = package.sources().map(|(path, _)| path);
    if let Some(file) = sources.find(|path| SourceKind::of(path) == SourceKind::Pol) {
        let file = package.display_path(file);
        return Err(Failure::Operational(OperationalError::IsPol { file }));
    }
    let comments = Comments::of_yaml(model, |path| package.text(path));
    let text = polc_convert::pol::write(model, &comments).map_err(Failure::Unsayable)?;
    same(model, "converted.pol", text)
}

/// The text, if it says the same as the Model.
fn same(model: &Model, path: &str, text: String) -> Result<String, Failure> {
    match changed(model, path, &text) {
        None => Ok(text),
        Some(what) => Err(Failure::Operational(OperationalError::NotTheSame { what })),
    }
}

/// What the text says otherwise than the Model, if anything.
fn changed(model: &Model, path: &str, text: &str) -> Option<String> {
    let mut database = Database::default();
    database.set_file(path, text);
    database.set_name(&model.package);
    let again = database.analyze();
    let error = again.diagnostics.iter().find(|_| again.has_errors());
    match error {
        Some(error) => Some(error.headline.clone()),
        None => polc_convert::difference(model, &again.model),
    }
}

fn findings(package: &LoadedPackage, problems: &[Unsayable], format: Format) -> Vec<u8> {
    let model = &package.analysis.model;
    let found: Vec<Diagnostic> = problems
        .iter()
        .filter_map(|problem| {
            let mut policies = model.policies.iter();
            let policy = policies.find(|policy| policy.name == problem.policy)?;
            let place = package.place_of(problem.origin.as_ref().unwrap_or(&policy.origin));
            let label = format!("keeps `{}` from being converted", problem.policy);
            Some(Diagnostic::new(
                Code::Unsayable,
                &problem.what,
                place,
                label,
            ))
        })
        .collect();
    let mut text = Vec::new();
    if format == Format::Json {
        json::write(&mut text, &json::findings(package, &found));
    } else {
        render::diagnostics(&mut text, package, &found, format);
    }
    text
}
