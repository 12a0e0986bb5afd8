//! From the places that a Model keeps back to ranges of the source.

use std::sync::Arc;

use polc_diagnostics::Place;
use polc_model::{Model, Origin};

use crate::Database;

impl Database {
    /// The range of an origin: the statement that begins at its column, up to the end of the line; in a
    /// file of Kubernetes objects, the whole item. Empty for an origin of another Model.
    #[must_use]
    pub fn place_of(&self, model: &Model, origin: &Origin) -> Place {
        let file = model
            .files
            .get(origin.file.index())
            .map_or("", String::as_str);
        if let Some(manifest) = self.manifest(file) {
            let position = (origin.line, origin.column);
            let span = manifest.places.get(&position).copied().unwrap_or_default();
            return crate::sink::place(&Arc::from(file), span);
        }
        let text = self.text(file).unwrap_or_default();
        let line_index = (origin.line as usize).saturating_sub(1);
        let starts = self.line_starts(file);
        let start = starts.get(line_index).map_or(text.len(), |start| *start);
        let line = text.get(start..).unwrap_or_default();
        let line = line.lines().next().unwrap_or_default();
        let column = (origin.column as usize).saturating_sub(1);
        let before: usize = line.chars().take(column).map(char::len_utf8).sum();
        let length = statement(line.get(before..).unwrap_or_default()).len();
        let offset = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Place {
            file: Arc::from(file),
            range: offset(start + before)..offset(start + before + length),
        }
    }
}

impl Database {
    /// Line and column of an offset into a file, counted from 1, columns in characters.
    #[must_use]
    pub fn position(&self, file: &str, offset: u32) -> (usize, usize) {
        let text = self.text(file).unwrap_or_default();
        let starts = self.line_starts(file);
        let offset = (offset as usize).min(text.len());
        let line = starts.partition_point(|start| *start <= offset);
        let start = starts.get(line.saturating_sub(1)).copied();
        let before = text.get(start.unwrap_or(0)..offset).unwrap_or_default();
        (line.max(1), before.chars().count() + 1)
    }
}

/// The first statement of a line's text, without the block that it opens, a comment, or braces that
/// close something else. What stands in quotes is text.
fn statement(text: &str) -> &str {
    let (mut depth, mut is_quoted, mut before) = (0_usize, false, '\0');
    let mut end = text.len();
    for (at, character) in text.char_indices() {
        let ends = match character {
            '"' => {
                is_quoted = !is_quoted;
                false
            }
            _ if is_quoted => false,
            '{' => {
                depth += 1;
                false
            }
            '}' if depth == 0 => true,
            '}' => {
                depth -= 1;
                false
            }
            ';' => depth == 0,
            '/' => before == '/',
            _ => false,
        };
        if ends {
            end = if character == '/' { at - 1 } else { at };
            break;
        }
        before = character;
    }
    let code = text.get(..end).unwrap_or(text).trim_end();
    code.strip_suffix('{').unwrap_or(code).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_where_the_next_one_or_a_comment_begins() {
        assert_eq!(statement("allow from web // why"), "allow from web");
        assert_eq!(
            statement("allow from { app: \"a;b\" } }"),
            "allow from { app: \"a;b\" }"
        );
        assert_eq!(statement("tier admin; priority 1"), "tier admin");
        assert_eq!(statement("test \"a // b\" {"), "test \"a // b\"");
    }

    #[test]
    fn a_place_is_the_rest_of_its_line() {
        let mut database = Database::default();
        let source =
            "package p\npolicy a for { app: \"é\" } { ingress { allow from all } } // why\n";
        database.set_file("a.pol", source);
        let model = database.analyze().model;
        let text = |origin| {
            let range = database.place_of(&model, origin).range;
            source
                .get(range.start as usize..range.end as usize)
                .unwrap()
        };
        assert_eq!(text(&model.rules[0].origin), "allow from all");
        assert!(text(&model.policies[0].origin).starts_with("policy a for { app: \"é\" }"));
    }
}
