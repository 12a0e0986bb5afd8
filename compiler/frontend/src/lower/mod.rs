//! From the tree of one file to what it means, with names resolved through a [`Scope`].

mod address;
pub(crate) mod assertion;
pub(crate) mod definitions;
mod dns;
pub(crate) mod http;
mod icmp;
pub(crate) mod kubernetes;
pub(crate) mod l4;
mod l7;
pub(crate) mod labels;
pub(crate) mod names;
mod number;
mod path;
mod pattern;
pub(crate) mod peers;
pub(crate) mod policy;
mod rule;
pub(crate) mod service;
mod sets;
pub(crate) mod size;
mod subject;
pub(crate) mod template;
pub(crate) mod test;

use std::{collections::BTreeMap, sync::Arc};

use polc_diagnostics::{Diagnostic, Place};
use polc_syntax::{Span, ast::Item};

use crate::{
    database::{Package, SourceFile},
    declarations::schema,
    environment::{Word, definition_places, lookup},
    modules,
    origin::Lines,
    sink::Sink,
    source_kind::SourceKind,
    syntax::{parse, place},
    types::{Definition, Kind, Schema},
};

/// What the names of an expression stand for.
pub(crate) trait Scope {
    /// The definition of a name.
    fn definition(&self, name: &str) -> Option<Arc<Definition>>;
    /// The labels that the package declares, if it does.
    fn schema(&self) -> Option<&Schema>;
    /// What the package brings in: the last word of each path, and the whole path.
    fn imports(&self) -> &BTreeMap<String, String>;
    /// Where every name is defined. For messages.
    fn places(&self) -> &BTreeMap<String, (Kind, Place)>;
    /// Where a label is declared, or the whole schema. For messages.
    fn schema_place(&self, key: &str) -> Option<Place>;
}

/// What one file contributes to the Model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoweredFile {
    pub(crate) policies: Vec<policy::LoweredPolicy>,
    pub(crate) services: Vec<service::LoweredService>,
    pub(crate) assertions: Vec<assertion::LoweredAssertion>,
    pub(crate) tests: Vec<test::LoweredTest>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Lowers the policies and tests of one file, and checks its definitions.
#[salsa::tracked(returns(ref))]
pub(crate) fn lower_file(
    db: &dyn salsa::Database,
    package: Package,
    file: SourceFile,
) -> LoweredFile {
    if file.kind(db) == SourceKind::Kubernetes {
        let manifest = kubernetes::manifest_in(db, package, file);
        return LoweredFile {
            policies: manifest.policies.clone(),
            diagnostics: manifest.diagnostics.clone(),
            ..LoweredFile::default()
        };
    }
    let scope = FileScope { db, package };
    let lines = Lines::new(file.path(db), file.text(db));
    let mut sink = Sink::new(file.path(db));
    let mut lowered = LoweredFile::default();
    for item in &parse(db, file).file.items {
        match item {
            Item::Endpoints(item) => definitions::check_endpoints(item, &scope, &mut sink),
            Item::Cidr(item) => definitions::check_cidr(item, &scope, &mut sink),
            Item::Dns(item) => definitions::check_dns(item, &scope, &mut sink),
            Item::Entity(item) => definitions::check_entity(item, &scope, &mut sink),
            Item::Ports(item) => definitions::check_ports(item, &scope, &mut sink),
            Item::Http(item) => definitions::check_http(item, &scope, &mut sink),
            Item::Service(item) => {
                let service = service::lower(item, &scope, &lines, &mut sink);
                lowered.services.extend(service);
            }
            Item::Assertion(item) => {
                let assertion = assertion::lower(item, &scope, &lines, &mut sink);
                lowered.assertions.extend(assertion);
            }
            Item::Template(item) => template::check(item, &mut sink),
            // See `template::expansions`.
            Item::Apply(_) => {}
            Item::Use(path) => modules::check_use(path, &mut sink),
            Item::HostAccess(word) => definitions::check_host_access(word, &mut sink),
            Item::Policy(policy) => {
                let policy = policy::lower(policy, &scope, &lines, &mut sink);
                lowered.policies.push(policy);
            }
            Item::Test(test) => {
                let policies = || template::all_policy_names(db, package).as_slice();
                let test = test::lower(test, &scope, &policies, &lines, &mut sink);
                lowered.tests.push(test);
            }
            Item::Package(_) | Item::Labels(_) | Item::Lint(_) => {}
        }
    }
    lowered.diagnostics = sink.into_diagnostics();
    lowered
}

/// What every file of a package sees.
pub(crate) struct FileScope<'db> {
    pub(crate) db: &'db dyn salsa::Database,
    pub(crate) package: Package,
}

impl Scope for FileScope<'_> {
    fn definition(&self, name: &str) -> Option<Arc<Definition>> {
        let word = Word::new(self.db, name.to_owned());
        lookup(self.db, self.package, word).clone()
    }

    fn schema(&self) -> Option<&Schema> {
        schema(self.db, self.package).as_ref()
    }

    fn imports(&self) -> &BTreeMap<String, String> {
        modules::imports(self.db, self.package)
    }

    fn places(&self) -> &BTreeMap<String, (Kind, Place)> {
        definition_places(self.db, self.package)
    }

    fn schema_place(&self, key: &str) -> Option<Place> {
        let files = self.package.files(self.db);
        files.iter().find_map(|&file| {
            let items = &parse(self.db, file).file.items;
            let labels = items.iter().find_map(|item| match item {
                Item::Labels(labels) => Some(labels),
                _ => None,
            })?;
            let declared = labels.labels.iter().find(|label| label.key.text == key);
            let span: Span = declared.map_or(labels.span, |label| label.key.span);
            Some(place(self.db, file, span))
        })
    }
}
