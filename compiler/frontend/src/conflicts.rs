//! What files of one package disagree about: names defined twice, package names, cycles.

use std::collections::{BTreeMap, BTreeSet};

use polc_diagnostics::{Code, Diagnostic, Place};
use polc_syntax::{
    ENTITIES, PORT_WORDS, RESERVED, Span,
    ast::{Item, Name},
};

use crate::{
    database::{Package, SourceFile},
    environment::{definition_places, definitions_of, environment},
    lower::{kubernetes::names_in, template::expansions},
    source_kind::SourceKind,
    syntax::{parse, place},
    types::Kind,
};

/// Checks that need every file.
#[salsa::tracked(returns(ref))]
pub(crate) fn conflicts(db: &dyn salsa::Database, package: Package) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut seen = Seen::default();
    for &file in package.files(db) {
        for (kind, name) in definitions_of(db, file) {
            if let Some(meaning) = meaning(kind, &name.text) {
                diagnostics.push(reserved(name, place(db, file, name.span), meaning));
            } else {
                let at = place(db, file, name.span);
                diagnostics.extend(seen.again("name", &name.text, at));
            }
        }
        for item in &parse(db, file).file.items {
            if let Item::Use(path) = item {
                let at = place(db, file, path.span);
                diagnostics.extend(seen.import(&path.text, at));
            }
            let (what, name, span): (_, &str, Span) = match item {
                Item::Policy(policy) => ("policy", &policy.name.text, policy.name.span),
                Item::Test(test) => ("test", &test.name.text, test.name.span),
                Item::Labels(labels) => {
                    diagnostics.extend(labels_twice(db, file, labels));
                    ("block", "labels", labels.span)
                }
                Item::HostAccess(word) => ("item", "host_access", word.span),
                Item::Template(item) => ("template", &item.name.text, item.name.span),
                Item::Lint(lint) => ("lint", &lint.name.text, lint.name.span),
                _ => continue,
            };
            if !name.is_empty() {
                diagnostics.extend(seen.again(what, name, place(db, file, span)));
            }
        }
    }
    for &file in package.files(db) {
        if file.kind(db) == SourceKind::Kubernetes {
            for (name, span) in names_in(db, package, file) {
                diagnostics.extend(seen.again("policy", &name, place(db, file, span)));
            }
        }
        for made in &expansions(db, package, file).made {
            // Both have the same name, so one of them comes from an `apply`.
            let at = place(db, file, made.apply);
            diagnostics.extend(seen.again(made.what, &made.name, at));
        }
    }
    package_name(db, package, &mut diagnostics);
    cycles(db, package, &mut diagnostics);
    diagnostics
}

/// Where each name was first seen.
#[derive(Default)]
struct Seen<'a> {
    names: BTreeMap<(&'static str, String), Place>,
    imports: BTreeSet<&'a str>,
}

impl<'a> Seen<'a> {
    /// The last word of a path is a name. The same path may be brought in by several files.
    fn import(&mut self, path: &'a str, at: Place) -> Option<Diagnostic> {
        if path.is_empty() || !self.imports.insert(path) {
            return None;
        }
        let last = path.rsplit("::").next().unwrap_or(path);
        self.again("name", last, at)
    }

    fn again(&mut self, what: &'static str, name: &str, at: Place) -> Option<Diagnostic> {
        let key = (what, name.to_owned());
        let Some(first) = self.names.get(&key) else {
            self.names.insert(key, at);
            return None;
        };
        let headline = match what {
            "block" | "item" => format!("the package has two `{name}` {what}s"),
            "lint" => format!("the level of lint `{name}` is set twice"),
            "test" => format!("two tests are called `{name}`"),
            "template" => format!("two templates are called `{name}`"),
            "policy" => format!("two policies are called `{name}`"),
            _ => format!("`{name}` is defined twice"),
        };
        Some(
            Diagnostic::new(Code::Duplicate, headline, at, "again here")
                .with_label(first.clone(), "first here")
                .with_help(match what {
                    "block" | "item" | "lint" => "keep one of them",
                    _ => "give one of them another name",
                }),
        )
    }
}

fn labels_twice(
    db: &dyn salsa::Database,
    file: SourceFile,
    labels: &polc_syntax::ast::LabelSchema,
) -> Vec<Diagnostic> {
    let mut seen = Seen::default();
    labels
        .labels
        .iter()
        .filter(|label| !label.key.is_missing())
        .filter_map(|label| {
            let at = place(db, file, label.key.span);
            seen.again("label", &label.key.text, at)
        })
        .collect()
}

/// What the language itself means by a word, where it does.
fn meaning(kind: Kind, word: &str) -> Option<&'static str> {
    // Where requests or ports are asked for, no kind of peers is.
    let is_asked_for_peers = !matches!(kind, Kind::Http | Kind::Ports);
    if ENTITIES.contains(&word) && is_asked_for_peers {
        return Some("a kind of peers that the language names");
    }
    let is_taken = RESERVED.contains(&word) || (kind == Kind::Ports && PORT_WORDS.contains(&word));
    is_taken.then_some("a word of the language, which expressions cannot use as a name")
}

fn reserved(name: &Name, at: Place, meaning: &str) -> Diagnostic {
    Diagnostic::new(
        Code::ReservedName,
        format!("`{}` already has a meaning", name.text),
        at,
        meaning,
    )
    .with_help("give the definition another name")
}

fn package_name(db: &dyn salsa::Database, package: Package, diagnostics: &mut Vec<Diagnostic>) {
    let mut first: Option<(&Name, Place)> = None;
    for &file in package.files(db) {
        for item in &parse(db, file).file.items {
            let Item::Package(name) = item else { continue };
            let at = place(db, file, name.span);
            match &first {
                None => first = Some((name, at)),
                Some((other, other_at)) if other.text != name.text && !name.is_missing() => {
                    diagnostics.push(
                        Diagnostic::new(
                            Code::PackageName,
                            format!(
                                "this package is called both `{}` and `{}`",
                                other.text, name.text
                            ),
                            at,
                            "another name here",
                        )
                        .with_label(other_at.clone(), "first named here")
                        .with_help("the files of one directory are one package"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    let mut files = package.files(db).iter();
    if first.is_none()
        && let Some(&file) = files.find(|file| file.kind(db) == SourceKind::Pol)
    {
        let start = place(db, file, Span::default());
        diagnostics.push(
            Diagnostic::new(
                Code::MissingPackage,
                "no file says which package this is",
                start.clone(),
                "expected `package` and a name",
            )
            .with_help("begin one file of the package with `package NAME`"),
        );
    }
}

fn cycles(db: &dyn salsa::Database, package: Package, diagnostics: &mut Vec<Diagnostic>) {
    let environment = environment(db, package);
    if environment.cyclic.is_empty() && environment.oversized.is_empty() {
        return;
    }
    let places = definition_places(db, package);
    let at = |name: &String| -> Option<(Kind, Place)> { places.get(name).cloned() };
    for group in &environment.cycles {
        let mut found = group.iter().filter_map(|name| Some((name, at(name)?.1)));
        let Some((name, first)) = found.next() else {
            continue;
        };
        let mut diagnostic = Diagnostic::new(
            Code::Cycle,
            format!("the definition of `{name}` needs its own value"),
            first,
            match group.get(1) {
                Some(next) => format!("needs `{next}`"),
                None => "needs itself".to_owned(),
            },
        )
        .with_help("define one of them without the others");
        for (position, (_, other)) in found.enumerate() {
            let next = group.get(position + 2).unwrap_or(name);
            diagnostic = diagnostic.with_label(other, format!("needs `{next}`"));
        }
        diagnostics.push(diagnostic);
    }
    for name in &environment.oversized {
        if let Some((_, place)) = at(name) {
            diagnostics.push(
                Diagnostic::new(
                    Code::TooDeep,
                    format!("the definition of `{name}` grows too large"),
                    place,
                    "uses definitions that use others, and so on",
                )
                .with_help("define it with fewer steps"),
            );
        }
    }
}
