//! Modules: `use std::dns`, and names such as `dns::cluster`.
//!
//! What a file brings in belongs to its package, as every other name does. So far the only modules
//! are those of the standard library.

use std::{collections::BTreeMap, sync::Arc};

use polc_diagnostics::{Code, suggest};
use polc_syntax::ast::Name;

use crate::{
    database::Package,
    declarations::declarations,
    lower::Scope,
    sink::Sink,
    stdlib::{self, Found},
    types::Definition,
};

/// What the package brings in: the last word of each path, and the whole path.
#[salsa::tracked(returns(ref))]
pub(crate) fn imports(db: &dyn salsa::Database, package: Package) -> BTreeMap<String, String> {
    let mut imports = BTreeMap::new();
    for &file in package.files(db) {
        for path in &declarations(db, file).uses {
            if let Some(last) = path.rsplit("::").next() {
                let known = imports.entry(last.to_owned());
                known.or_insert_with(|| path.clone());
            }
        }
    }
    imports
}

/// The whole path of a name or path, where it is known from where it starts.
fn absolute(imports: &BTreeMap<String, String>, path: &str) -> Option<String> {
    let (first, rest) = match path.split_once("::") {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let start = match imports.get(first) {
        Some(start) => start,
        None if first == stdlib::ROOT => first,
        None => return None,
    };
    Some(match rest {
        Some(rest) => format!("{start}::{rest}"),
        None => start.to_owned(),
    })
}

/// The member that a name or path stands for.
pub(crate) fn member(imports: &BTreeMap<String, String>, path: &str) -> Option<Arc<Definition>> {
    match stdlib::find(&absolute(imports, path)?) {
        Found::Member(definition) => Some(definition),
        Found::Module(_) | Found::Nothing => None,
    }
}

/// Checks `use PATH`.
pub(crate) fn check_use(path: &Name, sink: &mut Sink) {
    if path.is_missing() || !matches!(stdlib::find(&path.text), Found::Nothing) {
        return;
    }
    let known = stdlib::paths();
    let rooted = format!("{}::{}", stdlib::ROOT, path.text);
    let meant = known
        .iter()
        .find(|known| **known == rooted)
        .map(String::as_str)
        .or_else(|| suggest::closest(&path.text, known.iter().map(String::as_str)));
    sink.report(
        Code::UnknownModule,
        format!("unknown module `{}`", path.text),
        path.span,
        "neither a module nor a member of one",
        |sink, diagnostic| match meant {
            Some(meant) => diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(sink.place(path.span), meant),
            None => diagnostic.with_help(format!("the modules are {}", modules())),
        },
    );
}

fn modules() -> String {
    let modules = stdlib::modules().map(|module| format!("`{}::{module}`", stdlib::ROOT));
    modules.collect::<Vec<_>>().join(", ")
}

/// Reports a path that leads nowhere, or a module where one of its members is needed. Says whether
/// the name was either.
pub(crate) fn report(name: &Name, needed: &str, scope: &dyn Scope, sink: &mut Sink) -> Reported {
    let path = &name.text;
    let Some(whole) = absolute(scope.imports(), path) else {
        if !path.contains("::") {
            return Reported::No;
        }
        let first = path.split("::").next().unwrap_or_default();
        let is_known = stdlib::modules().any(|module| module == first);
        sink.report(
            Code::UnknownModule,
            format!("unknown module `{first}`"),
            name.span,
            "no file of this package brings it in",
            |_, diagnostic| {
                diagnostic.with_help(if is_known {
                    format!(
                        "write `use {}::{first}` in one file of the package",
                        stdlib::ROOT
                    )
                } else {
                    format!("the modules are {}", modules())
                })
            },
        );
        return Reported::Yes;
    };
    match stdlib::find(&whole) {
        Found::Module(members) => {
            let example = members.first().map_or("", String::as_str);
            sink.report(
                Code::WrongType,
                format!("expected {needed}, found the module `{path}`"),
                name.span,
                "a module, not one of its members",
                |_, diagnostic| {
                    diagnostic.with_help(format!("name a member, such as `{path}::{example}`"))
                },
            );
            Reported::Yes
        }
        Found::Member(_) => Reported::No,
        Found::Nothing if !path.contains("::") => Reported::No,
        Found::Nothing => {
            no_member(name, &whole, sink);
            Reported::Yes
        }
    }
}

fn no_member(name: &Name, whole: &str, sink: &mut Sink) {
    let (module, last) = whole.rsplit_once("::").unwrap_or((whole, ""));
    let members = match stdlib::find(module) {
        Found::Module(members) => members,
        Found::Member(_) | Found::Nothing => Vec::new(),
    };
    let meant = suggest::closest(last, members.iter().map(String::as_str));
    sink.report(
        Code::UnknownModule,
        format!("the module `{module}` has no `{last}`"),
        name.span,
        "not a member of the module",
        |sink, diagnostic| match meant {
            Some(meant) => {
                let start = name.text.strip_suffix(last).unwrap_or_default();
                diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), format!("{start}{meant}"))
            }
            None => {
                let members: Vec<String> = members.iter().map(|name| format!("`{name}`")).collect();
                diagnostic.with_help(format!("its members are {}", members.join(", ")))
            }
        },
    );
}

/// Whether an error was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// It was.
    Yes,
    /// There was nothing to report.
    No,
}
