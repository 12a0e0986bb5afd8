//! Comments of YAML files, and the policies and rules that they stand beside.

use std::collections::BTreeMap;

use polc_model::{FileId, Model, PolicyId, RuleId};

/// Comments by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comments {
    policies: BTreeMap<PolicyId, Vec<String>>,
    rules: BTreeMap<RuleId, Vec<String>>,
}

/// What a comment can be about.
#[derive(Clone, Copy)]
enum Anchor {
    Policy(PolicyId),
    Rule(RuleId),
}

impl Comments {
    /// The comments of the Model's files; `text` gives the text of a file.
    ///
    /// A comment is about the policy or rule that comes next in its document, or begins on its line; behind
    /// the last of them, about that one.
    #[must_use]
    pub fn of_yaml<'t>(model: &Model, text: impl Fn(&str) -> &'t str) -> Self {
        let mut comments = Self::default();
        for (number, path) in model.files.iter().enumerate() {
            comments.read(model, FileId::new(number), text(path));
        }
        comments
    }

    fn read(&mut self, model: &Model, file: FileId, text: &str) {
        let mut anchors: BTreeMap<u32, Anchor> = BTreeMap::new();
        for (number, rule) in model.rules.iter().enumerate() {
            if rule.origin.file == file {
                let rule = Anchor::Rule(RuleId::new(number));
                anchors.entry(model_line(model, rule)).or_insert(rule);
            }
        }
        for (number, policy) in model.policies.iter().enumerate() {
            if policy.origin.file == file {
                let id = PolicyId::new(number);
                anchors.insert(policy.origin.line, Anchor::Policy(id));
            }
        }
        let separators: Vec<u32> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.starts_with("---"))
            .map(|(number, _)| number)
            .collect();
        for (line, comment) in in_text(text) {
            let begins = separators.iter().rev().find(|&&one| one <= line).copied();
            let ends = separators.iter().find(|&&one| one > line).copied();
            let next = anchors.range(line..ends.unwrap_or(u32::MAX)).next();
            let before = anchors.range(begins.unwrap_or(0)..=line).next_back();
            // What stands before the first document is about what comes first.
            let next = next.or(before).or_else(|| anchors.range(line..).next());
            match next {
                Some((_, &Anchor::Rule(rule))) => {
                    self.rules.entry(rule).or_default().push(comment);
                }
                Some((_, &Anchor::Policy(policy))) => {
                    self.policies.entry(policy).or_default().push(comment);
                }
                None => {}
            }
        }
    }

    /// The comments of a policy, in the order of the text.
    #[must_use]
    pub fn of_policy(&self, policy: PolicyId) -> &[String] {
        self.policies.get(&policy).map_or(&[], Vec::as_slice)
    }

    /// The comments of a rule, in the order of the text.
    #[must_use]
    pub fn of_rule(&self, rule: RuleId) -> &[String] {
        self.rules.get(&rule).map_or(&[], Vec::as_slice)
    }
}

fn model_line(model: &Model, anchor: Anchor) -> u32 {
    match anchor {
        Anchor::Rule(rule) => model.rule(rule).map_or(0, |rule| rule.origin.line),
        Anchor::Policy(policy) => model.policy(policy).map_or(0, |policy| policy.origin.line),
    }
}

/// The comments of a text by line, without `#`. Texts in blocks (`|`, `>`) are skipped by their
/// indentation, quotes within their line.
fn in_text(text: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    // The indentation of the line that begins a block.
    let mut block: Option<usize> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let indentation = line.len() - line.trim_start().len();
        if let Some(begin) = block
            && (line.trim().is_empty() || indentation > begin)
        {
            continue;
        }
        let (code, comment) = split(line);
        if let Some(comment) = comment {
            let comment = comment.trim_matches(['#', ' ', '\t']);
            if !comment.is_empty() {
                found.push((number, comment.to_owned()));
            }
        }
        let last = code.split_whitespace().next_back().unwrap_or_default();
        let is_block = last.starts_with(['|', '>']) && last.len() <= 3;
        block = is_block.then_some(indentation);
    }
    found
}

/// A line up to its comment, and the comment.
fn split(line: &str) -> (&str, Option<&str>) {
    let mut quote = None;
    let mut before = ' ';
    for (position, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '#') if before.is_whitespace() => {
                let (code, comment) = line.split_at(position);
                return (code, Some(comment));
            }
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (None, _) => {}
        }
        before = c;
    }
    (line, None)
}

#[cfg(test)]
mod tests {
    use super::in_text;

    #[test]
    fn comments_are_told_from_texts() {
        let text = "# one\na: \"# no\" # two\nb: |\n  # no\n  more\nc: it's # three\nd: x#no\n";
        let found: Vec<(u32, String)> = in_text(text);
        let found: Vec<(u32, &str)> = found.iter().map(|(line, text)| (*line, &**text)).collect();
        assert_eq!(found, [(1, "one"), (2, "two"), (6, "three")]);
    }
}
