//! Files of Kubernetes objects: [`polc_kubernetes`] reads them, and what it finds is from here on as
//! if it came from a `.pol` file.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_diagnostics::Diagnostic;
use polc_kubernetes::Definitions;
use polc_model::{Enforcement, Origin};
use polc_syntax::Span;

use super::{policy::LoweredPolicy, rule::LoweredRule};
use crate::{
    database::{Package, SourceFile},
    origin::Lines,
    source_kind::SourceKind,
};

/// The longest text that an origin shows. A whole file can be one line of JSON.
const MAX_TEXT: usize = 120;

/// What a file of Kubernetes objects says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) policies: Vec<LoweredPolicy>,
    /// What its policies are called, in their order.
    pub(crate) names: Vec<ObjectName>,
    /// The places of policies and rules, by line and column.
    pub(crate) places: BTreeMap<(u32, u32), Span>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What a policy is called by its object, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectName {
    pub(crate) name: String,
    kind: &'static str,
    pub(crate) span: Span,
}

impl ObjectName {
    /// The object's own name: policies of one object have numbers behind it.
    fn object(&self) -> &str {
        self.name
            .split_once('#')
            .map_or(&self.name, |(object, _)| object)
    }

    /// The policy's name in a package in which objects of several kinds have `shared` names: those have
    /// their kind behind them.
    fn among(&self, shared: &BTreeSet<String>) -> String {
        let (name, kind, object) = (&self.name, self.kind, self.object());
        match name.strip_prefix(object) {
            Some(number) if shared.contains(object) => format!("{object}:{kind}{number}"),
            _ => name.clone(),
        }
    }
}

/// The names of a file's policies in its package, in their order, and where they are.
pub(crate) fn names_in(
    db: &dyn salsa::Database,
    package: Package,
    file: SourceFile,
) -> Vec<(String, Span)> {
    let shared = shared_names(db, package);
    let names = manifest(db, file).names.iter();
    names.map(|name| (name.among(shared), name.span)).collect()
}

/// The names that objects of several kinds have in a package, as Kubernetes allows it.
#[salsa::tracked(returns(ref))]
fn shared_names(db: &dyn salsa::Database, package: Package) -> BTreeSet<String> {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for &file in package.files(db) {
        if file.kind(db) == SourceKind::Kubernetes {
            for name in &manifest(db, file).names {
                kinds.entry(name.object()).or_default().insert(name.kind);
            }
        }
    }
    let shared = kinds.into_iter().filter(|(_, kinds)| kinds.len() > 1);
    shared.map(|(name, _)| name.to_owned()).collect()
}

/// What a file of Kubernetes objects means in its package, whose other files may hold what it
/// refers to, and objects of the same names.
pub(crate) fn manifest_in(
    db: &dyn salsa::Database,
    package: Package,
    file: SourceFile,
) -> &Manifest {
    let shared = shared_names(db, package);
    let is_shared = |name: &ObjectName| shared.contains(name.object());
    if manifest(db, file).names.iter().any(is_shared) {
        return renamed(db, package, file);
    }
    read_in(db, package, file)
}

/// As [`manifest_in`], where objects of other kinds have the names of some of its own.
#[salsa::tracked(returns(ref))]
fn renamed(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Manifest {
    let shared = shared_names(db, package);
    let mut manifest = read_in(db, package, file).clone();
    for (policy, name) in manifest.policies.iter_mut().zip(&manifest.names) {
        policy.name = name.among(shared);
    }
    manifest
}

/// What a file says, with what the package's others define.
fn read_in(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &Manifest {
    match polc_kubernetes::refers(file.text(db)) {
        true => resolved(db, package, file),
        false => manifest(db, file),
    }
}

/// Reads a file of Kubernetes objects by itself. Places are those of [`manifest_in`].
#[salsa::tracked(returns(ref))]
pub(crate) fn manifest(db: &dyn salsa::Database, file: SourceFile) -> Manifest {
    read(db, file, &Definitions::default())
}

#[salsa::tracked(returns(ref))]
fn resolved(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Manifest {
    read(db, file, package_definitions(db, package))
}

/// What the files of a package define.
#[salsa::tracked(returns(ref))]
fn package_definitions(db: &dyn salsa::Database, package: Package) -> Definitions {
    let mut all = Definitions::default();
    for &file in package.files(db) {
        if file.kind(db) == SourceKind::Kubernetes {
            all.merge(file_definitions(db, file));
        }
    }
    all
}

#[salsa::tracked(returns(ref))]
fn file_definitions(db: &dyn salsa::Database, file: SourceFile) -> Definitions {
    polc_kubernetes::definitions(file.text(db))
}

fn read(db: &dyn salsa::Database, file: SourceFile, definitions: &Definitions) -> Manifest {
    let path: &Arc<str> = file.path(db);
    let text = file.text(db);
    let lines = Lines::new(path, text);
    let read = polc_kubernetes::read(path, text, definitions);
    let mut manifest = Manifest {
        diagnostics: read.diagnostics,
        ..Manifest::default()
    };
    for policy in read.policies {
        let span = span(&policy.span);
        let lowered = LoweredPolicy {
            name: policy.name,
            file: Arc::clone(path),
            subject: policy.subject,
            tier: policy.tier,
            priority: policy.priority,
            enforcement: Enforcement::Enforce,
            ingress: policy.ingress,
            egress: policy.egress,
            doc: policy.doc,
            origin: manifest.origin(span, text, &lines),
            rules: Vec::new(),
        };
        let rules = policy.rules.into_iter().map(|rule| LoweredRule {
            direction: rule.direction,
            action: rule.action,
            peer: rule.peer,
            l4: rule.l4,
            l7: rule.l7,
            origin: manifest.origin(self::span(&rule.span), text, &lines),
        });
        let rules = rules.collect();
        manifest.names.push(ObjectName {
            name: lowered.name.clone(),
            kind: policy.kind,
            span,
        });
        manifest.policies.push(LoweredPolicy { rules, ..lowered });
    }
    manifest
}

impl Manifest {
    /// The origin of a span, which can be found by it again.
    fn origin(&mut self, span: Span, text: &str, lines: &Lines<'_>) -> Origin {
        let mut origin = lines.origin(span);
        self.places.insert((origin.line, origin.column), span);
        origin.text = on_one_line(text.get(span.range()).unwrap_or_default());
        origin
    }
}

fn span(range: &std::ops::Range<u32>) -> Span {
    Span {
        start: range.start,
        end: range.end,
    }
}

/// The text without comments on one line, and not all of it where it is long.
fn on_one_line(text: &str) -> String {
    let code = text.lines().map(|line| {
        let line = line.trim_start();
        match line.strip_prefix('#') {
            Some(_) => "",
            None => line.split_once(" #").map_or(line, |(code, _)| code),
        }
    });
    let words: Vec<&str> = code.flat_map(str::split_whitespace).collect();
    let shown = words.join(" ");
    match shown.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_show_the_item_on_one_line() {
        let text = "podSelector: # who\n    # the shop\n    matchLabels: {app: web}";
        assert_eq!(on_one_line(text), "podSelector: matchLabels: {app: web}");
        assert_eq!(on_one_line(&"é".repeat(200)).chars().count(), 121);
    }
}
