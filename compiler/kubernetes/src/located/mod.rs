//! YAML and JSON as trees in which every key and every value knows where it was written.

mod build;
mod resolve;

use std::sync::Arc;

pub use build::{Problem, documents};

/// A range of bytes of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A value and its place. Clones share what is in it.
#[derive(Clone, Debug)]
pub struct Node {
    /// For what stands behind an alias, the alias.
    pub span: Span,
    /// What was written there.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// One value.
    Scalar {
        /// Its text, without quotes.
        text: Arc<str>,
        /// Whether the text says what type it has.
        style: Style,
    },
    /// A list.
    Sequence(Arc<[Node]>),
    /// In the order of the text, with keys that occur twice and merge keys as they are written.
    Mapping(Arc<[(Node, Node)]>),
}

/// Whether a scalar's text says what type it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// It does: `80` is a number, `true` a truth value, nothing at all is null.
    Plain,
    /// In quotes, a block, or tagged as text: it is text, whatever it looks like.
    Text,
}

/// What a plain scalar is to Kubernetes, which reads YAML 1.1 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// A number, as it is written.
    Number(&'a str),
    /// Text.
    Text(&'a str),
}

impl Node {
    /// What the node is if it is a scalar.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, style } => Some(match style {
                Style::Plain => resolve::plain(text),
                Style::Text => Scalar::Text(text),
            }),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// Whether nothing is there: for Kubernetes the same as leaving the field out.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// What the node is, for people.
    #[must_use]
    pub fn described(&self) -> &'static str {
        match (&self.value, self.scalar()) {
            (Value::Sequence(_), _) => "a list",
            (Value::Mapping(_), _) => "a mapping",
            (_, Some(Scalar::Bool)) => "a truth value",
            (_, Some(Scalar::Number(_))) => "a number",
            (_, Some(Scalar::Text(_))) => "text",
            (_, Some(Scalar::Null) | None) => "nothing",
        }
    }

    /// The entries of a mapping, after those that it merges from others; `None` for other values.
    #[must_use]
    pub fn entries(&self) -> Option<Vec<&(Node, Node)>> {
        let Value::Mapping(own) = &self.value else {
            return None;
        };
        let (merges, mut entries): (Vec<_>, Vec<_>) = own.iter().partition(|(key, _)| {
            matches!(&key.value, Value::Scalar { text, style: Style::Plain } if &**text == "<<")
        });
        for (_, merged) in merges {
            let sources = match &merged.value {
                Value::Sequence(sources) => &**sources,
                _ => std::slice::from_ref(merged),
            };
            for entry in sources.iter().filter_map(Self::entries).flatten() {
                let is_given = |(key, _): &&(Node, Node)| key.text() == entry.0.text();
                if !entries.iter().any(is_given) {
                    entries.push(entry);
                }
            }
        }
        Some(entries)
    }

    /// The text of a scalar, whatever its type.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The value of a key, without asking what else there is.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let entries = self.entries()?;
        let found = entries
            .into_iter()
            .find(|(name, _)| name.text() == Some(key));
        found.map(|(_, value)| value)
    }
}
