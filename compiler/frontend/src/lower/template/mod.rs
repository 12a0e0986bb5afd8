//! Templates: `template NAME(…) { … }`, and what comes of `apply NAME(…)`.
//!
//! An application is lowered in a scope of its own. A parameter stands for the value of its
//! argument, which is looked up where the `apply` stands; every other name of the template is
//! looked up in the template, then in the package. So no name of the one is ever taken for a name
//! of the other. Text and numbers are put into a copy of the tree, see [`fill`].

mod arguments;
mod expand;
mod fill;
mod report;

use std::collections::BTreeMap;

use polc_diagnostics::{Code, Diagnostic, suggest};
use polc_syntax::{
    Span,
    ast::{Item, Template},
};

use super::{FileScope, policy::LoweredPolicy, service::LoweredService};
use crate::{
    database::{Package, SourceFile},
    declarations::{declarations, policy_names},
    sink::Sink,
    syntax::parse,
    types::Kind,
};

/// What the applications of one file contribute to the Model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expansions {
    pub(crate) policies: Vec<LoweredPolicy>,
    pub(crate) services: Vec<LoweredService>,
    /// The names that they make.
    pub(crate) made: Vec<Made>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A name that an application makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// `policy` or `service`.
    pub(crate) what: &'static str,
    pub(crate) name: String,
    /// The `apply` of the file.
    pub(crate) apply: Span,
}

/// Expands every `apply` of a file.
#[salsa::tracked(returns(ref))]
pub(crate) fn expansions(
    db: &dyn salsa::Database,
    package: Package,
    file: SourceFile,
) -> Expansions {
    let scope = FileScope { db, package };
    let mut expander = expand::Expander::new(db, package);
    for item in &parse(db, file).file.items {
        if let Item::Apply(apply) = item {
            expander.root(apply, file, &scope);
        }
    }
    expander.finish()
}

/// The names of all policies, written or made by templates, in order.
#[salsa::tracked(returns(ref))]
pub(crate) fn all_policy_names(db: &dyn salsa::Database, package: Package) -> Vec<String> {
    let mut names = policy_names(db, package).clone();
    for &file in package.files(db) {
        let made = expansions(db, package, file).policies.iter();
        names.extend(made.map(|policy| policy.name.clone()));
    }
    names.sort();
    names.dedup();
    names
}

/// Which file defines each template: the first that does.
#[salsa::tracked(returns(ref))]
fn template_files(db: &dyn salsa::Database, package: Package) -> BTreeMap<String, SourceFile> {
    let mut files = BTreeMap::new();
    for &file in package.files(db) {
        for name in &declarations(db, file).templates {
            files.entry(name.clone()).or_insert(file);
        }
    }
    files
}

/// The template of this name, and its file.
fn find<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    name: &str,
) -> Option<(SourceFile, &'db Template)> {
    let file = *template_files(db, package).get(name)?;
    let items = &parse(db, file).file.items;
    let template = items.iter().find_map(|item| match item {
        Item::Template(template) if template.name.text == name => Some(template),
        _ => None,
    })?;
    Some((file, template))
}

/// Checks the parameters of a template. Its items are checked where it is applied.
pub(crate) fn check(template: &Template, sink: &mut Sink) {
    for (index, parameter) in template.parameters.iter().enumerate() {
        let mut earlier = template.parameters.iter().take(index);
        let name = &parameter.name;
        if let Some(twin) = earlier.find(|other| other.name.text == name.text)
            && !name.is_missing()
        {
            sink.report(
                Code::Duplicate,
                format!("the template has two parameters `{}`", name.text),
                name.span,
                "again here",
                |sink, diagnostic| diagnostic.with_label(sink.place(twin.name.span), "first here"),
            );
        }
        let of = &parameter.of;
        if of.is_missing() || Kind::of_word(&of.text).is_some() {
            continue;
        }
        let words = Kind::ALL.map(Kind::word);
        sink.report(
            Code::UnknownType,
            format!("unknown type `{}`", of.text),
            of.span,
            "not a type of parameters",
            |sink, diagnostic| match suggest::closest(&of.text, words) {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(of.span), meant),
                None => {
                    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                    diagnostic.with_help(format!("the types are {}", words.join(", ")))
                }
            },
        );
    }
}
