//! Suites: Markdown files with a case in each section that has `yaml` blocks.

use std::fmt::Write;

/// A suite's text, cut so that the blocks with what is expected can be replaced.
pub(crate) struct Suite {
    /// What stands before the first section.
    preface: String,
    pub(crate) sections: Vec<Section>,
}

/// A section. It is a case where it has files.
pub(crate) struct Section {
    pub(crate) title: String,
    /// The heading's line.
    pub(crate) line: usize,
    /// The text from its heading to what is expected, blocks of files included.
    text: String,
    /// Name and content.
    pub(crate) files: Vec<(String, String)>,
    /// What is expected of it, where the suite says so.
    pub(crate) expected: Outcome,
}

/// What is made of a case's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The policies.
    pub(crate) model: String,
    /// What is wrong.
    pub(crate) error: String,
}

impl Suite {
    pub(crate) fn parse(text: &str) -> Self {
        let mut suite = Self {
            preface: String::new(),
            sections: Vec::new(),
        };
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if let Some(title) = line.strip_prefix("## ") {
                suite.sections.push(Section {
                    title: title.to_owned(),
                    line: index + 1,
                    text: format!("{line}\n"),
                    files: Vec::new(),
                    expected: Outcome::default(),
                });
                continue;
            }
            let Some(section) = suite.sections.last_mut() else {
                suite.preface.push_str(line);
                suite.preface.push('\n');
                continue;
            };
            let Some(info) = line.strip_prefix("```") else {
                section.text.push_str(line);
                section.text.push('\n');
                continue;
            };
            let mut content = String::new();
            loop {
                let (_, line) = lines.next().expect("a block is never closed");
                if line == "```" {
                    break;
                }
                content.push_str(line);
                content.push('\n');
            }
            let mut add_file = |name: &str| {
                write!(section.text, "```{info}\n{content}```\n").unwrap();
                section.files.push((name.to_owned(), content.clone()));
            };
            match info.split_whitespace().collect::<Vec<_>>()[..] {
                ["yaml"] => add_file("a.yaml"),
                ["yaml", name] => add_file(name),
                ["model"] => section.expected.model = content,
                ["error"] => section.expected.error = content,
                _ => panic!("line {}: unknown block `{info}`", index + 1),
            }
        }
        suite
    }

    /// The suite's text.
    pub(crate) fn text(&self) -> String {
        let mut text = self.preface.clone();
        for section in &self.sections {
            text.push_str(section.text.trim_end());
            text.push('\n');
            for (name, content) in [
                ("model", &section.expected.model),
                ("error", &section.expected.error),
            ] {
                if !content.is_empty() {
                    write!(text, "```{name}\n{content}```\n").unwrap();
                }
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
