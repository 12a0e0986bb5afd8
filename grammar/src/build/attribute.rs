//! What stands before items and rules: attributes and doc comments.

use pest::iterators::Pair;
use polc_diagnostics::Level;

use super::{Builder, Rule, child, declared, name, span};
use crate::{
    Span, SyntaxError, SyntaxErrorKind,
    ast::{Attribute, LintSetting, Name},
};

impl Builder<'_> {
    /// Takes an attribute that the next item or rule will get.
    pub(super) fn attribute(&mut self, pair: &Pair<'_, Rule>) {
        self.report(pair);
        let lints = child(pair, Rule::lint_names).into_iter();
        self.pending.push(Attribute {
            level: level(pair),
            lints: lints
                .flat_map(Pair::into_inner)
                .filter(|inner| inner.as_rule() == Rule::ident)
                .map(|inner| name(&inner))
                .collect(),
            covers: Span::default(),
            span: span(pair),
        });
    }

    /// Gives the attributes so far to what stands at `covers`.
    pub(super) fn attach(&mut self, covers: Span) {
        for mut attribute in std::mem::take(&mut self.pending) {
            attribute.covers = covers;
            self.attributes.push(attribute);
        }
    }

    /// Reports attributes that nothing follows.
    pub(super) fn detached(&mut self) {
        for attribute in std::mem::take(&mut self.pending) {
            self.errors.push(
                SyntaxError::new(
                    SyntaxErrorKind::Unexpected,
                    "this attribute stands before nothing",
                    attribute.span,
                    "expected an item or a rule after it",
                )
                .with_help("for the whole package, write `lint NAME = allow` as an item")
                .with_fix(attribute.span, ""),
            );
        }
    }

    pub(super) fn lint_setting(&mut self, pair: &Pair<'_, Rule>) -> LintSetting {
        LintSetting {
            name: declared(pair),
            level: level(pair),
            span: span(pair),
        }
    }

    /// The doc comment above a place: the `///` lines right before its line, attributes apart.
    pub(super) fn doc(&self, place: Span) -> Option<String> {
        let before = self.text.get(..place.range().start)?;
        let (above, indent) = before.rsplit_once('\n')?;
        if !indent.trim().is_empty() {
            return None;
        }
        let mut lines: Vec<&str> = Vec::new();
        for line in above.rsplit('\n') {
            let line = line.trim();
            if line.starts_with('@') {
                continue;
            }
            match line.strip_prefix("///") {
                Some(text) if !text.starts_with('/') => {
                    lines.push(text.strip_prefix(' ').unwrap_or(text));
                }
                _ => break,
            }
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn level(pair: &Pair<'_, Rule>) -> Option<Level> {
    let word: Name = child(pair, Rule::lint_level).map(|word| name(&word))?;
    Level::ALL
        .into_iter()
        .find(|level| level.name() == word.text)
}
