//! `polc build`: compile a package into a bundle.

use std::path::{Path, PathBuf};

use polc_bundle::Bundle;
use polc_diagnostics::{Code, Diagnostic};
use polc_inventory::Inventory;
use polc_model::Direction;
use polc_plan::ClassKey;
use serde::Serialize;

use super::{check, compile, count, finish};
use crate::{
    cli::{BuildArguments, Format},
    files,
    operational::OperationalError,
    output::Outcome,
    package,
    render::{self, json},
    strictness::Strictness,
};

/// Compiles the one package of the path and writes the bundle. Nothing is written unless all of
/// it compiles.
pub(crate) fn run(arguments: &BuildArguments) -> Outcome {
    let format = arguments.format;
    let loaded = package::load(std::slice::from_ref(&arguments.path));
    let mut loaded = loaded.with_strictness(Strictness::of(arguments.permissive));
    if loaded.packages.len() > 1 {
        loaded.errors.push(OperationalError::SeveralPackages {
            path: arguments.path.clone(),
            count: loaded.packages.len(),
        });
    }
    let inventory = loaded.read_inventory(arguments.inventory.as_deref());
    let Some(package) = loaded.packages.first().filter(|_| loaded.errors.is_empty()) else {
        return finish(&[], &loaded.errors, format, Outcome::CouldNotRun);
    };
    if check::outcome(&loaded.packages) == Outcome::Findings {
        let text = render::packages(&loaded.packages, format.of_findings());
        return finish(&text, &[], format, Outcome::Findings);
    }
    let bundle = match compile::bundle(package, classes(package, inventory.as_ref())) {
        Ok(bundle) => bundle,
        Err(findings) => {
            let mut text = Vec::new();
            if format == Format::Json {
                json::write(&mut text, &json::findings(package, &findings));
            } else {
                render::diagnostics(&mut text, package, &findings, format);
            }
            return finish(&text, &[], format, Outcome::Findings);
        }
    };
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.polb", package.name())));
    match write(&bundle, &output) {
        Ok(built) => {
            let text = built.text(package, &permitted(package), format);
            finish(&text, &[], format, Outcome::Fine)
        }
        Err(error) => finish(&[], &[error], format, Outcome::CouldNotRun),
    }
}

/// What the bundle does not do as its sources say, because it was permitted.
fn permitted(package: &package::LoadedPackage) -> Vec<Diagnostic> {
    let found = package.diagnostics().iter();
    found
        .filter(|one| one.code == Code::Unsupported)
        .cloned()
        .collect()
}

/// What was written, for people and programs.
#[derive(Serialize)]
struct Built {
    package: String,
    bundle: String,
    digest: String,
    bytes: usize,
    policies: usize,
    rules: usize,
    programs: usize,
}

/// As JSON, with what was permitted.
#[derive(Serialize)]
struct BuiltAnyway<'b> {
    #[serde(flatten)]
    built: &'b Built,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<json::Finding>,
}

impl Built {
    fn text(
        &self,
        package: &package::LoadedPackage,
        permitted: &[Diagnostic],
        format: Format,
    ) -> Vec<u8> {
        let mut text = Vec::new();
        if format == Format::Json {
            let findings = json::findings(package, permitted);
            let built = self;
            json::write(&mut text, &BuiltAnyway { built, findings });
        } else {
            render::diagnostics(&mut text, package, permitted, format);
            let line = format!(
                "{}: {}, {}, {}, {} bytes\ndigest {}\n",
                self.bundle,
                count(self.policies, "policy"),
                count(self.rules, "rule"),
                count(self.programs, "program"),
                self.bytes,
                self.digest,
            );
            text.extend_from_slice(line.as_bytes());
        }
        text
    }
}

fn write(bundle: &Bundle, output: &Path) -> Result<Built, OperationalError> {
    let failed = |cause: polc_bundle::BundleError| OperationalError::Bundle {
        path: output.to_owned(),
        cause,
    };
    let bytes = bundle.encode().map_err(failed)?;
    let digest = bundle.digest().map_err(failed)?;
    files::replace(output, &bytes)?;
    Ok(Built {
        package: bundle.model.package.clone(),
        bundle: output.display().to_string(),
        digest: digest.to_string(),
        bytes: bytes.len(),
        policies: bundle.model.policies.len(),
        rules: bundle.model.rules.len(),
        programs: bundle.programs.len(),
    })
}

/// The policy classes of an inventory's endpoints and of its node, so that no node has to compile them.
fn classes(package: &package::LoadedPackage, inventory: Option<&Inventory>) -> Vec<ClassKey> {
    let model = &package.analysis.model;
    let Some(inventory) = inventory else {
        return Vec::new();
    };
    let endpoints = inventory.endpoints.iter();
    let facts = endpoints.map(|endpoint| inventory.facts(endpoint, None));
    facts
        .chain([inventory.node.facts()])
        .flat_map(|facts| Direction::BOTH.map(|direction| ClassKey::of(model, direction, &facts)))
        .collect()
}
