//! What other files see of a file: its definitions and schema, without any place, so that moving
//! text about changes nothing for them.

use polc_syntax::ast::{self, Item};

use crate::{
    database::{Package, SourceFile},
    lower::kubernetes::names_in,
    source_kind::SourceKind,
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
    /// The paths of its `use` items.
    pub(crate) uses: Vec<String>,
    /// The names of its templates.
    pub(crate) templates: Vec<String>,
}

/// A definition whose value is not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// The value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Endpoints(Option<ast::PeerExpr>),
    Cidr(Option<ast::PeerExpr>),
    Dns(Option<ast::PeerExpr>),
    Entity(Option<ast::PeerExpr>),
    Ports(Option<ast::L4Expr>),
    Http(Option<ast::HttpExpr>),
    /// The backends.
    Service(Option<ast::PeerExpr>),
}

impl Body {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Endpoints(_) => Kind::Endpoints,
            Self::Cidr(_) => Kind::Cidr,
            Self::Dns(_) => Kind::Dns,
            Self::Entity(_) => Kind::Entity,
            Self::Ports(_) => Kind::Ports,
            Self::Http(_) => Kind::Http,
            Self::Service(_) => Kind::Service,
        }
    }

    /// The same value with every span empty.
    fn without_places(&self) -> Self {
        let peers =
            |value: &Option<ast::PeerExpr>| value.as_ref().map(ast::PeerExpr::without_places);
        match self {
            Self::Endpoints(value) => Self::Endpoints(peers(value)),
            Self::Cidr(value) => Self::Cidr(peers(value)),
            Self::Dns(value) => Self::Dns(peers(value)),
            Self::Entity(value) => Self::Entity(peers(value)),
            Self::Service(value) => Self::Service(peers(value)),
            Self::Ports(value) => Self::Ports(value.as_ref().map(ast::L4Expr::without_places)),
            Self::Http(value) => Self::Http(value.as_ref().map(ast::HttpExpr::without_places)),
        }
    }
}

/// The name and the value of an item that defines something.
pub(crate) fn definition(item: &Item) -> Option<(&ast::Name, Body)> {
    Some(match item {
        Item::Endpoints(item) => (&item.name, Body::Endpoints(item.value.clone())),
        Item::Cidr(item) => (&item.name, Body::Cidr(item.value.clone())),
        Item::Dns(item) => (&item.name, Body::Dns(item.value.clone())),
        Item::Entity(item) => (&item.name, Body::Entity(item.value.clone())),
        Item::Ports(item) => (&item.name, Body::Ports(item.value.clone())),
        Item::Http(item) => (&item.name, Body::Http(item.value.clone())),
        Item::Service(item) => (&item.name, Body::Service(item.backends.first().cloned())),
        _ => return None,
    })
}

/// What other files see of a file.
#[salsa::tracked(returns(ref))]
pub(crate) fn declarations(db: &dyn salsa::Database, file: SourceFile) -> Declarations {
    if file.kind(db) == SourceKind::Kubernetes {
        // What its policies are called, its package says: see `policy_names`.
        return Declarations::default();
    }
    of_tree(&parse(db, file).file)
}

/// What others see of a file with this tree. All spans in it are empty.
pub(crate) fn of_tree(tree: &ast::SourceFileAst) -> Declarations {
    let mut declarations = Declarations::default();
    for item in &tree.items {
        match item {
            Item::Labels(labels) => {
                declarations.schema.get_or_insert_with(|| schema_of(labels));
            }
            Item::Policy(policy) => declarations.policies.push(policy.name.text.clone()),
            Item::Use(path) if !path.is_missing() => declarations.uses.push(path.text.clone()),
            Item::Template(template) if !template.name.is_missing() => {
                declarations.templates.push(template.name.text.clone());
            }
            _ => {}
        }
        let Some((name, body)) = definition(item) else {
            continue;
        };
        if !name.is_missing() {
            declarations.definitions.push(Declared {
                name: name.text.clone(),
                body: body.without_places(),
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
        .flat_map(|&file| {
            if file.kind(db) == SourceKind::Kubernetes {
                let names = names_in(db, package, file).into_iter();
                return names.map(|(name, _)| name).collect();
            }
            declarations(db, file).policies.clone()
        })
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
