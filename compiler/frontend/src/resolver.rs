//! Resolving definitions that need one another.
//!
//! Resolution walks from definition to definition with a stack, so that a cycle is found where it
//! closes.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_diagnostics::Place;

use crate::{
    declarations::Body,
    environment::Environment,
    lower::{Scope, http, l4, peers, size},
    sink::Sink,
    types::{Definition, Kind, Schema, Value},
};

/// How many definitions may need one another in a row. It bounds the depth of every expression.
const MAX_CHAIN: usize = 64;

#[derive(Default)]
struct State {
    environment: Environment,
    /// The names that are being resolved, outermost first.
    stack: Vec<String>,
}

/// Definitions that may need one another, and what is around them.
pub(crate) struct Resolver<'a> {
    bodies: BTreeMap<&'a str, &'a Body>,
    /// Names whose value is given: the parameters of a template.
    bound: BTreeMap<String, Arc<Definition>>,
    /// Where every other name is looked up.
    outside: &'a dyn Scope,
    state: RefCell<State>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        bodies: BTreeMap<&'a str, &'a Body>,
        bound: BTreeMap<String, Arc<Definition>>,
        outside: &'a dyn Scope,
    ) -> Self {
        Self {
            bodies,
            bound,
            outside,
            state: RefCell::default(),
        }
    }

    /// Resolves every definition.
    pub(crate) fn resolve_all(self) -> Environment {
        let names: Vec<&str> = self.bodies.keys().copied().collect();
        for name in names {
            self.resolve(name);
        }
        self.state.into_inner().environment
    }

    /// What there is to say about cycles and sizes so far.
    pub(crate) fn troubles(&self) -> (Vec<Vec<String>>, BTreeSet<String>) {
        let environment = &self.state.borrow().environment;
        (environment.cycles.clone(), environment.oversized.clone())
    }

    fn resolve(&self, name: &str) -> Option<Arc<Definition>> {
        if let Some(bound) = self.bound.get(name) {
            return Some(Arc::clone(bound));
        }
        let Some(body) = self.bodies.get(name).copied() else {
            return self.outside.definition(name);
        };
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
        self.outside.schema()
    }

    fn imports(&self) -> &BTreeMap<String, String> {
        self.outside.imports()
    }

    fn places(&self) -> &BTreeMap<String, (Kind, Place)> {
        self.outside.places()
    }

    fn schema_place(&self, key: &str) -> Option<Place> {
        self.outside.schema_place(key)
    }
}
