//! `polc inspect`: show what a bundle, or a package that is compiled for it, holds.

mod drawing;
mod plan;

use std::{fmt::Write as _, path::Path};

use polc_bundle::Bundle;
use polc_codegen::{ClassProgram, disasm, elf};
use polc_model::Model;
use polc_plan::ClassPlan;
use serde::Serialize;

use super::{check, compile, count, finish, graph};
use plan::ClassView;

use crate::{
    cli::{Format, InspectArguments, PlanForm},
    files,
    operational::OperationalError,
    output::Outcome,
    package::{self, Loaded},
    render::{self, json},
    strictness::Strictness,
};

/// Shows each bundle or package.
pub(crate) fn run(arguments: &InspectArguments) -> Outcome {
    let format = arguments.input.format;
    let mut text = Vec::new();
    let mut errors = Vec::new();
    let mut views = Vec::new();
    let mut outcome = Outcome::Fine;
    for path in &arguments.input.paths {
        if path.extension().is_none_or(|extension| extension != "polb") {
            let loaded = package::load(std::slice::from_ref(path));
            let loaded = loaded.with_strictness(Strictness::of(arguments.permissive));
            let written = (&mut text, &mut errors, &mut views);
            outcome = outcome.max(packages(path, loaded, format, written));
            continue;
        }
        match read(path).and_then(|bundle| View::of(path, &bundle)) {
            Ok(view) => views.push(view),
            Err(error) => errors.push(error),
        }
    }
    if arguments.plan.is_none() {
        views.iter_mut().for_each(|view| view.plan = None);
    }
    match (format, arguments.plan) {
        (Format::Json, _) => json::write(&mut text, &views),
        (_, Some(form @ (PlanForm::Dot | PlanForm::Svg))) => {
            let classes: Vec<ClassView> = views
                .into_iter()
                .filter_map(|view| view.plan)
                .flatten()
                .collect();
            let dot = drawing::dot(&classes);
            let drawn = match form {
                PlanForm::Svg => graph::svg(&dot).unwrap_or_default(),
                _ => dot,
            };
            text.extend_from_slice(drawn.as_bytes());
        }
        _ => {
            for view in &views {
                view.write(&mut text, arguments.disasm);
            }
        }
    }
    finish(&text, &errors, format, outcome)
}

/// Compiles the packages of a path.
fn packages(
    path: &Path,
    loaded: Loaded,
    format: Format,
    (text, errors, views): (&mut Vec<u8>, &mut Vec<OperationalError>, &mut Vec<View>),
) -> Outcome {
    errors.extend(loaded.errors);
    let mut outcome = check::outcome(&loaded.packages);
    for package in &loaded.packages {
        let found = if package.analysis.has_errors() {
            package.diagnostics().to_vec()
        } else {
            match compile::bundle(package, Vec::new()) {
                Ok(bundle) => {
                    match View::of(path, &bundle) {
                        Ok(view) => views.push(view),
                        Err(error) => errors.push(error),
                    }
                    continue;
                }
                Err(findings) => findings,
            }
        };
        outcome = Outcome::Findings;
        if format != Format::Json {
            render::diagnostics(text, package, &found, format);
        }
    }
    outcome
}

fn read(path: &Path) -> Result<Bundle, OperationalError> {
    let bytes = files::read(path)?;
    Bundle::decode(bytes).map_err(|cause| OperationalError::Bundle {
        path: path.to_owned(),
        cause,
    })
}

/// What there is to show. `--format json` writes a list of these; fields may be added, never
/// removed or renamed.
#[derive(Serialize)]
struct View {
    source: String,
    package: String,
    digest: String,
    policies: usize,
    rules: usize,
    selectors: usize,
    selector_bits: usize,
    programs: Vec<ProgramView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Vec<ClassView>>,
}

#[derive(Serialize)]
struct ProgramView {
    name: String,
    direction: &'static str,
    policies: Vec<String>,
    port_intervals: usize,
    leaves: usize,
    strategy: String,
    audited: bool,
    parts: usize,
    instructions: usize,
    disassembly: String,
}

impl View {
    fn of(path: &Path, bundle: &Bundle) -> Result<Self, OperationalError> {
        let failed = |cause| OperationalError::Bundle {
            path: path.to_owned(),
            cause,
        };
        let model = &bundle.model;
        let programs = bundle
            .plan
            .classes
            .iter()
            .zip(&bundle.programs)
            .map(|(class, bytes)| {
                let file = elf::read(bytes).map_err(|cause| {
                    failed(polc_bundle::BundleError::Invalid(cause.to_string()))
                })?;
                Ok(ProgramView::of(model, class, &file.class))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            source: path.display().to_string(),
            package: model.package.clone(),
            digest: bundle.digest().map_err(failed)?.to_string(),
            policies: model.policies.len(),
            rules: model.rules.len(),
            selectors: model.selectors.len(),
            selector_bits: selector_bits(&bundle.plan),
            programs,
            plan: Some(plan::classes(bundle)),
        })
    }

    fn write(&self, text: &mut Vec<u8>, disasm: bool) {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "package {} ({})\n  digest    {}\n  policies  {}\n  rules     {}\n  selectors {}, {} of \
             them bits of peer signatures\n  programs  {}",
            self.package,
            self.source,
            self.digest,
            self.policies,
            self.rules,
            self.selectors,
            self.selector_bits,
            self.programs.len()
        );
        for program in &self.programs {
            let policies = if program.policies.is_empty() {
                "no policy".to_owned()
            } else {
                program.policies.join(", ")
            };
            let _ = writeln!(
                out,
                "    {:7} {policies}: {}, {}, {}, {}{}{}",
                program.direction,
                count(program.port_intervals, "port interval"),
                count(program.leaves, "leaf"),
                program.strategy,
                count(program.instructions, "instruction"),
                match program.parts {
                    0 => String::new(),
                    parts => format!(" in {}", count(parts + 1, "program")),
                },
                if program.audited { ", audited" } else { "" },
            );
            if disasm {
                let _ = writeln!(out, "\n{}", program.disassembly);
            }
        }
        for class in self.plan.iter().flatten() {
            out.push('\n');
            class.write(&mut out);
        }
        text.extend_from_slice(out.as_bytes());
    }
}

impl ProgramView {
    fn of(model: &Model, class: &ClassPlan, program: &ClassProgram) -> Self {
        let policies = class.key.policies.iter().filter_map(|&id| model.policy(id));
        Self {
            name: program.root.name.clone(),
            direction: class.key.direction.name(),
            policies: policies.map(|policy| policy.name.clone()).collect(),
            port_intervals: class.enforced.intervals.len(),
            leaves: class.enforced.leaf_count(),
            strategy: class.enforced.strategy().to_string(),
            audited: class.audited.is_some(),
            parts: program.parts.len(),
            instructions: program.instructions(),
            disassembly: program.programs().map(disasm::disassemble).collect(),
        }
    }
}

/// The bits that a node needs which has all of the classes.
fn selector_bits(plan: &polc_plan::Plan) -> usize {
    let blocks = plan.classes.iter().flat_map(|class| &class.layout.blocks);
    let blocks: std::collections::BTreeSet<_> = blocks.collect();
    blocks.into_iter().map(|block| block.0.len()).sum()
}
