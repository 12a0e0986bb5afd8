//! Documents and the objects in them.

use std::sync::Arc;

use polc_diagnostics::Code;

use crate::{
    Definitions, File, admin, cilium,
    kinds::{self, Kind},
    located::{self, Node, Problem, Span},
    network_policy,
    reader::{Fields, RENDER_FIRST, list, missing, text},
    report::Report,
};

/// Lists in lists; nobody writes more.
const MAX_LISTS: usize = 8;

pub(crate) fn read(path: &Arc<str>, source: &str, definitions: &Definitions) -> File {
    let mut report = Report::new(path);
    let mut file = File::default();
    let (documents, problem) = located::documents(source);
    for document in &documents {
        object(document, MAX_LISTS, definitions, &mut file, &mut report);
    }
    if let Some(problem) = problem {
        unreadable(&problem, source, &mut report);
    }
    file.diagnostics = report.into_diagnostics();
    file.diagnostics
        .sort_by(|one, other| one.order().cmp(&other.order()));
    file
}

/// Reads an object, or the objects of a list. What has neither an API version nor a kind is no object
/// of Kubernetes: values of a chart, an inventory.
fn object(
    node: &Node,
    lists: usize,
    definitions: &Definitions,
    file: &mut File,
    report: &mut Report,
) {
    let (api_version, kind) = (node.get("apiVersion"), node.get("kind"));
    if api_version.is_none() && kind.is_none() {
        return;
    }
    file.objects += 1;
    let Some(kind) = kind.filter(|kind| !kind.is_null()) else {
        missing("an object needs `kind`", node.span, report);
        return;
    };
    let Some(api_version) = api_version.filter(|version| !version.is_null()) else {
        missing("an object needs `apiVersion`", node.span, report);
        return;
    };
    let (Some(version_text), Some(kind_text)) = (
        text(api_version, "`apiVersion`", report),
        text(kind, "`kind`", report),
    ) else {
        return;
    };
    match kinds::kind(version_text, kind_text) {
        Kind::NetworkPolicy => {
            let policy = network_policy::read(node, report);
            file.policies.extend(policy);
        }
        Kind::Cilium(kind) => {
            let policies = cilium::read(node, kind, definitions, report);
            file.policies.extend(policies);
        }
        Kind::CidrGroup => cilium::check_group(node, report),
        Kind::Admin(form) => {
            file.policies.extend(admin::read(node, form, report));
        }
        Kind::List => {
            file.objects -= 1;
            let known = ["apiVersion", "kind", "metadata", "items"];
            let fields = Fields::of(node, "a list", &known, report);
            let items = fields.and_then(|fields| fields.get("items"));
            let items = items.and_then(|field| list(field.value, "`items`", report));
            for item in items.unwrap_or_default() {
                if lists == 0 {
                    too_large(item.span, report);
                    return;
                }
                object(item, lists - 1, definitions, file, report);
            }
        }
        Kind::Other => {}
        Kind::Unsupported => report.add(
            Code::UnsupportedKind,
            format!("`{kind_text}` of `{version_text}` is not supported yet"),
            kind.span,
            "polc would enforce the rest without it",
            |_, one| {
                one.with_help(format!(
                    "polc reads `NetworkPolicy` of `{}`, and the policies of Cilium",
                    kinds::NETWORKING
                ))
            },
        ),
        Kind::OldVersion(current) => report.add(
            Code::UnknownKind,
            format!("`{kind_text}` is not in `{version_text}`"),
            api_version.span,
            format!("expected `{current}`"),
            |report, one| {
                one.with_help(format!("write `{current}`"))
                    .with_fix(report.place(api_version.span), current)
            },
        ),
        Kind::Unknown(meant) => report.add(
            Code::UnknownKind,
            format!("there is no kind `{kind_text}` in `{version_text}`"),
            kind.span,
            "unknown kind",
            |report, one| match meant {
                Some(meant) => one
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(report.place(kind.span), meant),
                None => one,
            },
        ),
    }
}

fn unreadable(problem: &Problem, source: &str, report: &mut Report) {
    match problem {
        Problem::TooLarge { span } => too_large(*span, report),
        Problem::Syntax { span, message } => {
            let headline = format!("this is not YAML: {message}");
            let start = span.start as usize;
            let line = source.get(..start).unwrap_or_default().lines().count();
            // The parser notices a template a line later than it begins.
            let lines = source.lines().skip(line.saturating_sub(2)).take(3);
            let is_template = lines.into_iter().any(|line| line.contains("{{"));
            report.add(
                Code::YamlSyntax,
                headline,
                *span,
                "here",
                |_, one| match is_template {
                    true => one.with_help(RENDER_FIRST),
                    false => one.with_help("what follows in this file was not read"),
                },
            );
        }
    }
}

fn too_large(span: Span, report: &mut Report) {
    report.add(
        Code::TooDeep,
        "this file is nested too deeply or grows too large",
        span,
        "with the aliases that it uses",
        |_, one| one.with_help("say it with fewer lists inside lists"),
    );
}
