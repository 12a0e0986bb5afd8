//! What other files see of a file: its definitions and schema, without any place, so that moving
//! text about changes nothing for them.

use polc_syntax::ast::{self, Item};

use crate::{
    database::{Package, SourceFile},
    syntax::parse,
    types::{Kind, LabelValues, Schema},
};

/// The declarations of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declarations {
    pub(crate) definitions: Vec<Declared>,
    /// The first `labels` block.
    pub(crate) schema: Option<Schema>,
    pub(crate) policies: Vec<String>,
}

/// A definition whose value is not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// The value as it is written. All its spans are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Endpoints(Option<ast::PeerExpr>),
    Cidr(Option<ast::PeerExpr>),
    Entity(Option<ast::PeerExpr>),
    Ports(Option<ast::L4Expr>),
}

impl Body {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Endpoints(_) => Kind::Endpoints,
            Self::Cidr(_) => Kind::Cidr,
            Self::Entity(_) => Kind::Entity,
            Self::Ports(_) => Kind::Ports,
        }
    }
}

/// What other files see of a file.
#[salsa::tracked(returns(ref))]
pub(crate) fn declarations(db: &dyn salsa::Database, file: SourceFile) -> Declarations {
    let mut declarations = Declarations::default();
    for item in &parse(db, file).file.items {
        let (name, body) = match item {
            Item::Endpoints(item) => {
                let value = item.value.as_ref().map(ast::PeerExpr::without_places);
                (&item.name, Body::Endpoints(value))
            }
            Item::Cidr(item) => {
                let value = item.value.as_ref().map(ast::PeerExpr::without_places);
                (&item.name, Body::Cidr(value))
            }
            Item::Entity(item) => {
                let value = item.value.as_ref().map(ast::PeerExpr::without_places);
                (&item.name, Body::Entity(value))
            }
            Item::Ports(item) => {
                let value = item.value.as_ref().map(ast::L4Expr::without_places);
                (&item.name, Body::Ports(value))
            }
            Item::Labels(labels) => {
                declarations.schema.get_or_insert_with(|| schema_of(labels));
                continue;
            }
            Item::Policy(policy) => {
                declarations.policies.push(policy.name.text.clone());
                continue;
            }
            Item::Package(_) | Item::HostAccess(_) | Item::Test(_) | Item::Lint(_) => continue,
        };
        if !name.is_missing() {
            declarations.definitions.push(Declared {
                name: name.text.clone(),
                body,
            });
        }
    }
    declarations
}

/// The package's schema: the first that a file declares.
#[salsa::tracked(returns(ref))]
pub(crate) fn schema(db: &dyn salsa::Database, package: Package) -> Option<Schema> {
    package
        .files(db)
        .iter()
        .find_map(|&file| declarations(db, file).schema.clone())
}

/// The names of all policies, in order.
#[salsa::tracked(returns(ref))]
pub(crate) fn policy_names(db: &dyn salsa::Database, package: Package) -> Vec<String> {
    let mut names: Vec<String> = package
        .files(db)
        .iter()
        .flat_map(|&file| declarations(db, file).policies.iter().cloned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn schema_of(labels: &ast::LabelSchema) -> Schema {
    let mut schema = Schema::new();
    for declaration in &labels.labels {
        let mut values: Vec<String> = Vec::new();
        for value in &declaration.values {
            values.push(value.text.clone());
        }
        let values = if values.is_empty() || values.iter().any(|value| value == "string") {
            LabelValues::Any
        } else {
            LabelValues::OneOf(values)
        };
        schema.entry(declaration.key.text.clone()).or_insert(values);
    }
    schema
}
