//! The standard library: modules of definitions, written in Pol and part of every polc.
//!
//! The sources are `policies/std`: one module per directory, with tests beside it that check it as
//! a package of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use polc_diagnostics::Place;

use crate::{
    declarations::{Declarations, of_tree},
    lower::Scope,
    resolver::Resolver,
    types::{Definition, Kind, Schema},
};

/// What the paths of the standard library start with.
pub(crate) const ROOT: &str = "std";

/// The modules and their sources, in order of name.
const MODULES: &[(&str, &str)] = &[
    (
        "cloud",
        include_str!("../../../policies/std/cloud/cloud.pol"),
    ),
    ("dns", include_str!("../../../policies/std/dns/dns.pol")),
    (
        "kubernetes",
        include_str!("../../../policies/std/kubernetes/kubernetes.pol"),
    ),
    ("net", include_str!("../../../policies/std/net/net.pol")),
    (
        "ports",
        include_str!("../../../policies/std/ports/ports.pol"),
    ),
];

/// Members that have a second name: module, second name, first name. No definition can have the name
/// of an entity, but behind the name of a module it is free.
const ALIASES: &[(&str, &str, &str)] = &[("dns", "cluster", "servers")];

/// The sources of the standard library: the path of each module, such as `std::dns`, and its text.
pub fn standard_library() -> impl Iterator<Item = (String, &'static str)> {
    MODULES
        .iter()
        .map(|(name, text)| (format!("{ROOT}::{name}"), *text))
}

type Members = BTreeMap<String, Arc<Definition>>;

static LIBRARY: LazyLock<BTreeMap<&'static str, Members>> = LazyLock::new(|| {
    MODULES
        .iter()
        .map(|(name, text)| (*name, members(name, text)))
        .collect()
});

fn members(module: &str, text: &str) -> Members {
    let Declarations { definitions, .. } = of_tree(&polc_syntax::parse(text).file);
    let bodies = definitions
        .iter()
        .map(|declared| (declared.name.as_str(), &declared.body))
        .collect();
    let mut members = Resolver::new(bodies, BTreeMap::new(), &Nothing)
        .resolve_all()
        .definitions;
    for (_, second, first) in ALIASES.iter().filter(|(of, ..)| *of == module) {
        if let Some(definition) = members.get(*first).cloned() {
            members.insert((*second).to_owned(), definition);
        }
    }
    members
}

/// What a path of the standard library leads to.
pub(crate) enum Found {
    /// A definition.
    Member(Arc<Definition>),
    /// A module, and the names of its members.
    Module(Vec<String>),
    /// It leads nowhere.
    Nothing,
}

/// What a whole path leads to.
pub(crate) fn find(path: &str) -> Found {
    let mut words = path.split("::");
    let module = match (words.next(), words.next()) {
        (Some(ROOT), Some(module)) => LIBRARY.get(module),
        _ => None,
    };
    match (module, words.next(), words.next()) {
        (Some(members), None, _) => Found::Module(members.keys().cloned().collect()),
        (Some(members), Some(name), None) => match members.get(name) {
            Some(definition) => Found::Member(Arc::clone(definition)),
            None => Found::Nothing,
        },
        _ => Found::Nothing,
    }
}

/// The names of the modules.
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// Every path that leads somewhere.
pub(crate) fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for (module, members) in LIBRARY.iter() {
        paths.push(format!("{ROOT}::{module}"));
        let members = members.keys();
        paths.extend(members.map(|name| format!("{ROOT}::{module}::{name}")));
    }
    paths
}

/// What is around the modules: they need nothing but themselves.
struct Nothing;

impl Scope for Nothing {
    fn definition(&self, _name: &str) -> Option<Arc<Definition>> {
        None
    }

    fn schema(&self) -> Option<&Schema> {
        None
    }

    fn imports(&self) -> &BTreeMap<String, String> {
        const { &BTreeMap::new() }
    }

    fn places(&self) -> &BTreeMap<String, (Kind, Place)> {
        const { &BTreeMap::new() }
    }

    fn schema_place(&self, _key: &str) -> Option<Place> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn every_module_checks_clean_and_defines_what_it_says() {
        for (name, text) in MODULES {
            let mut database = Database::default();
            database.set_file("module.pol", *text);
            assert_eq!(database.analyze().diagnostics, [], "{name}");
            let members = &LIBRARY[name];
            assert!(!members.is_empty(), "{name}");
            for (member, definition) in members {
                assert!(definition.value.is_some(), "{name}::{member}");
            }
            assert!(text.contains(&format!("package {name}")), "{name}");
        }
    }

    #[test]
    fn every_member_is_documented() {
        for (name, text) in MODULES {
            for item in polc_syntax::parse(text).file.items {
                if let Some((_, member)) = crate::environment::defined(&item) {
                    let at = member.span.range().start;
                    let before = text
                        .get(..at)
                        .unwrap()
                        .trim_end()
                        .rsplit('\n')
                        .nth(1)
                        .unwrap();
                    assert!(before.starts_with("///"), "{name}::{}", member.text);
                }
            }
        }
    }
}
