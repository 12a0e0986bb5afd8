//! Every definition of the package, resolved.
//!
//! Resolution walks from definition to definition with a stack, so that a cycle is found where it
//! closes. Its result has no places: it changes only when a definition means something else.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_diagnostics::Place;
use polc_syntax::ast::{Item, Name};

use crate::{
    database::{Package, SourceFile},
    declarations::{Body, declarations, schema},
    lower::{Scope, http, l4, peers, size},
    sink::Sink,
    syntax::{parse, place},
    types::{Definition, Kind, Schema, Value},
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
    let resolver = Resolver {
        bodies,
        schema: schema(db, package).as_ref(),
        state: RefCell::default(),
    };
    let names: Vec<&str> = resolver.bodies.keys().copied().collect();
    for name in names {
        resolver.resolve(name);
    }
    resolver.state.into_inner().environment
}

/// What one name stands for. Files depend on this, and not on the whole environment.
#[salsa::tracked(returns(ref))]
pub(crate) fn lookup<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    word: Word<'db>,
) -> Option<Arc<Definition>> {
    let environment = environment(db, package);
    environment.definitions.get(word.text(db)).cloned()
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

/// How many definitions may need one another in a row. It bounds the depth of every expression.
const MAX_CHAIN: usize = 64;

#[derive(Default)]
struct State {
    environment: Environment,
    /// The names that are being resolved, outermost first.
    stack: Vec<String>,
}

struct Resolver<'a> {
    bodies: BTreeMap<&'a str, &'a Body>,
    schema: Option<&'a Schema>,
    state: RefCell<State>,
}

impl Resolver<'_> {
    fn resolve(&self, name: &str) -> Option<Arc<Definition>> {
        let body = *self.bodies.get(name)?;
        let unknown = || {
            Some(Arc::new(Definition {
                kind: body.kind(),
                value: None,
            }))
        };
        {
            let mut state = self.state.borrow_mut();
            if let Some(known) = state.environment.definitions.get(name) {
                return Some(Arc::clone(known));
            }
            if let Some(start) = state.stack.iter().position(|open| open == name) {
                let cycle: Vec<String> = state.stack.iter().skip(start).cloned().collect();
                state.environment.cyclic.extend(cycle.iter().cloned());
                state.environment.cycles.push(cycle);
                return unknown();
            }
            if state.stack.len() >= MAX_CHAIN {
                state.environment.oversized.insert(name.to_owned());
                return unknown();
            }
            state.stack.push(name.to_owned());
        }
        let value = self.value(body);
        let mut state = self.state.borrow_mut();
        state.stack.pop();
        let is_cyclic = state.environment.cyclic.contains(name);
        let is_oversized = match &value {
            Some(Value::Peers(expr)) => size::is_too_large(expr),
            _ => false,
        };
        if is_oversized && !is_cyclic {
            state.environment.oversized.insert(name.to_owned());
        }
        let definition = Arc::new(Definition {
            kind: body.kind(),
            value: value.filter(|_| !is_cyclic && !is_oversized),
        });
        state
            .environment
            .definitions
            .insert(name.to_owned(), Arc::clone(&definition));
        Some(definition)
    }

    fn value(&self, body: &Body) -> Option<Value> {
        // Diagnostics of definitions are reported where the file itself is lowered.
        let mut silent = Sink::new(&Arc::from(""));
        match body {
            Body::Endpoints(value)
            | Body::Cidr(value)
            | Body::Dns(value)
            | Body::Entity(value)
            | Body::Service(value) => {
                let typed = peers::lower(value.as_ref()?, self, &mut silent);
                (!typed.is_broken()).then_some(Value::Peers(typed.expr))
            }
            Body::Http(value) => http::lower(value.as_ref()?, self, &mut silent).map(Value::Http),
            Body::Ports(value) => l4::lower(value.as_ref()?, self, &mut silent).map(Value::Ports),
        }
    }
}

impl Scope for Resolver<'_> {
    fn definition(&self, name: &str) -> Option<Arc<Definition>> {
        self.resolve(name)
    }

    fn schema(&self) -> Option<&Schema> {
        self.schema
    }

    fn places(&self) -> &BTreeMap<String, (Kind, Place)> {
        const { &BTreeMap::new() }
    }

    fn schema_place(&self, _key: &str) -> Option<Place> {
        None
    }
}
