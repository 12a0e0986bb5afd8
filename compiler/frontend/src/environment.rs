//! Every definition of the package, resolved.
//!
//! The result has no places: it changes only when a definition means something else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_diagnostics::Place;
use polc_syntax::ast::{Item, Name};

use crate::{
    database::{Package, SourceFile},
    declarations::{declarations, schema},
    lower::Scope,
    modules::{self, imports},
    resolver::Resolver,
    syntax::{parse, place},
    types::{Definition, Kind, Schema},
};

/// A name, as a key of queries.
#[salsa::interned]
pub(crate) struct Word<'db> {
    #[returns(ref)]
    pub(crate) text: String,
}

/// What the package's names stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) definitions: BTreeMap<String, Arc<Definition>>,
    /// Names whose value needs itself.
    pub(crate) cyclic: BTreeSet<String>,
    /// The cycles that they form, each from one name to the next.
    pub(crate) cycles: Vec<Vec<String>>,
    /// Names whose value is larger or deeper than anyone means it to be.
    pub(crate) oversized: BTreeSet<String>,
}

/// Resolves every definition of the package.
#[salsa::tracked(returns(ref))]
pub(crate) fn environment(db: &dyn salsa::Database, package: Package) -> Environment {
    let mut bodies = BTreeMap::new();
    for &file in package.files(db) {
        for declared in &declarations(db, file).definitions {
            bodies
                .entry(declared.name.as_str())
                .or_insert(&declared.body);
        }
    }
    let outside = Imports {
        schema: schema(db, package).as_ref(),
        imports: imports(db, package),
    };
    let mut environment = Resolver::new(bodies, BTreeMap::new(), &outside).resolve_all();
    for name in outside.imports.keys() {
        if let Some(definition) = outside.definition(name) {
            let known = environment.definitions.entry(name.clone());
            known.or_insert(definition);
        }
    }
    environment
}

/// What every file of a package sees beyond its own definitions: imports, and the schema.
struct Imports<'a> {
    schema: Option<&'a Schema>,
    imports: &'a BTreeMap<String, String>,
}

impl Scope for Imports<'_> {
    fn definition(&self, name: &str) -> Option<Arc<Definition>> {
        modules::member(self.imports, name)
    }

    fn schema(&self) -> Option<&Schema> {
        self.schema
    }

    fn imports(&self) -> &BTreeMap<String, String> {
        self.imports
    }

    fn places(&self) -> &BTreeMap<String, (Kind, Place)> {
        const { &BTreeMap::new() }
    }

    fn schema_place(&self, _key: &str) -> Option<Place> {
        None
    }
}

/// What one name stands for. Files depend on this, and not on the whole environment.
#[salsa::tracked(returns(ref))]
pub(crate) fn lookup<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    word: Word<'db>,
) -> Option<Arc<Definition>> {
    let name = word.text(db);
    if name.contains("::") {
        return modules::member(imports(db, package), name);
    }
    let environment = environment(db, package);
    environment.definitions.get(name).cloned()
}

/// Where the first definition of each name stands. Only error messages ask.
#[salsa::tracked(returns(ref))]
pub(crate) fn definition_places(
    db: &dyn salsa::Database,
    package: Package,
) -> BTreeMap<String, (Kind, Place)> {
    let mut places = BTreeMap::new();
    for &file in package.files(db) {
        for (kind, name) in definitions_of(db, file) {
            places
                .entry(name.text.clone())
                .or_insert_with(|| (kind, place(db, file, name.span)));
        }
    }
    places
}

/// The definitions of a file, with their places.
pub(crate) fn definitions_of(
    db: &dyn salsa::Database,
    file: SourceFile,
) -> impl Iterator<Item = (Kind, &Name)> {
    parse(db, file)
        .file
        .items
        .iter()
        .filter_map(defined)
        .filter(|(_, name)| !name.is_missing())
}

/// The kind and name of what an item defines.
pub(crate) const fn defined(item: &Item) -> Option<(Kind, &Name)> {
    Some(match item {
        Item::Endpoints(item) => (Kind::Endpoints, &item.name),
        Item::Cidr(item) => (Kind::Cidr, &item.name),
        Item::Dns(item) => (Kind::Dns, &item.name),
        Item::Entity(item) => (Kind::Entity, &item.name),
        Item::Ports(item) => (Kind::Ports, &item.name),
        Item::Http(item) => (Kind::Http, &item.name),
        Item::Service(item) => (Kind::Service, &item.name),
        _ => return None,
    })
}
