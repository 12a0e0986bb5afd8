//! Levels of lints: what the package and its parts say about them. Which lints there are is not
//! known here.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use polc_diagnostics::{Level, Place};
use polc_kubernetes::LintComment;
use polc_syntax::ast::Item;

use crate::{
    database::{Package, SourceFile},
    source_kind::SourceKind,
    syntax::{parse, place},
};

/// What a package says about lints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintLevels {
    /// Levels for the whole package, by name of lint.
    pub package: BTreeMap<String, Level>,
    /// Where each of those lints is named.
    pub named: BTreeMap<String, Place>,
    /// Levels for items and rules, in order of file and place. Where two cover a place, the later
    /// one is the inner one, and counts.
    pub items: Vec<ItemLevel>,
}

/// The level of a lint for an item or a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemLevel {
    /// What it covers, from the first word of the item or rule to its end.
    pub place: Place,
    /// Where the lint is named.
    pub named: Place,
    /// The lint, by name; perhaps none that exists.
    pub lint: String,
    /// The level.
    pub level: Level,
}

/// What one file says about lints.
#[salsa::tracked(returns(ref))]
fn of_file(db: &dyn salsa::Database, file: SourceFile) -> LintLevels {
    if file.kind(db) == SourceKind::Kubernetes {
        return of_manifest(db, file);
    }
    let tree = &parse(db, file).file;
    let mut levels = LintLevels::default();
    for item in &tree.items {
        if let Item::Lint(lint) = item
            && let Some(level) = lint.level
        {
            let name = lint.name.text.clone();
            let named = place(db, file, lint.name.span);
            levels.package.entry(name.clone()).or_insert(level);
            levels.named.entry(name).or_insert(named);
        }
    }
    for attribute in &tree.attributes {
        let Some(level) = attribute.level else {
            continue;
        };
        levels
            .items
            .extend(attribute.lints.iter().map(|lint| ItemLevel {
                place: place(db, file, attribute.covers),
                named: place(db, file, lint.span),
                lint: lint.text.clone(),
                level,
            }));
    }
    levels
}

/// What the comments of a file of Kubernetes objects say about lints.
fn of_manifest(db: &dyn salsa::Database, file: SourceFile) -> LintLevels {
    let at = |range: Range<u32>| Place {
        file: Arc::clone(file.path(db)),
        range,
    };
    let comments = polc_kubernetes::lint_comments(file.text(db)).into_iter();
    let items = comments.flat_map(
        |LintComment {
             level,
             lints,
             covers,
         }| {
            lints.into_iter().map(move |(lint, named)| ItemLevel {
                place: at(covers.clone()),
                named: at(named),
                lint,
                level,
            })
        },
    );
    LintLevels {
        items: items.collect(),
        ..LintLevels::default()
    }
}

/// What a package says about lints.
#[salsa::tracked(returns(ref))]
pub(crate) fn lint_levels(db: &dyn salsa::Database, package: Package) -> LintLevels {
    let mut levels = LintLevels::default();
    for &file in package.files(db) {
        let LintLevels {
            package,
            named,
            items,
        } = of_file(db, file);
        for (name, level) in package {
            // Of two levels the first counts; the second was reported.
            levels.package.entry(name.clone()).or_insert(*level);
        }
        for (name, place) in named {
            let named = levels.named.entry(name.clone());
            named.or_insert_with(|| place.clone());
        }
        levels.items.extend(items.iter().cloned());
    }
    levels
}
