//! From the places that a Model keeps back to ranges of the source.

use std::sync::Arc;

use polc_diagnostics::Place;
use polc_model::{Model, Origin};

use crate::Database;

impl Database {
    /// The range of an origin: from its column to the end of the line, without comments and white
    /// space at the end. Empty for an origin of another Model.
    #[must_use]
    pub fn place_of(&self, model: &Model, origin: &Origin) -> Place {
        let file = model
            .files
            .get(origin.file.index())
            .map_or("", String::as_str);
        let text = self.text(file).unwrap_or_default();
        let line_index = (origin.line as usize).saturating_sub(1);
        let start: usize = text
            .split_inclusive('\n')
            .take(line_index)
            .map(str::len)
            .sum();
        let line = text.get(start..).unwrap_or_default();
        let line = line.lines().next().unwrap_or_default();
        let column = (origin.column as usize).saturating_sub(1);
        let before: usize = line.chars().take(column).map(char::len_utf8).sum();
        let code = without_comment(line).trim_end();
        let offset = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Place {
            file: Arc::from(file),
            range: offset(start + before)..offset(start + code.len().max(before)),
        }
    }
}

/// The line up to a comment. `//` inside quotes is text.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let mut before = '\0';
    for (at, character) in line.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            '/' if before == '/' && !is_quoted => return line.get(..at - 1).unwrap_or(line),
            _ => {}
        }
        before = character;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_belong_to_a_place() {
        assert_eq!(without_comment("allow from web // why"), "allow from web ");
        assert_eq!(without_comment("test \"a // b\" {"), "test \"a // b\" {");
    }

    #[test]
    fn a_place_is_the_rest_of_its_line() {
        let mut database = Database::default();
        let source = "package p\npolicy é for {} { // all\n  ingress { allow from all }\n}\n";
        database.set_file("a.pol", source);
        let model = database.analyze().model;
        let place = database.place_of(&model, &model.policies[0].origin);
        let range = place.range.start as usize..place.range.end as usize;
        assert_eq!(&source[range], "policy é for {} {");
    }
}
