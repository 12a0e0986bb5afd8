//! Executable specifications: Markdown files whose sections with code blocks are cases.

use std::{fmt::Write as _, fs, path::PathBuf};

/// A section.
pub struct Section {
    pub title: String,
    /// Counted from 1.
    pub line: usize,
    pub blocks: Vec<Block>,
}

/// A code block.
pub struct Block {
    /// What stands behind the back quotes.
    pub info: String,
    pub text: String,
    /// The line of its first text, counted from 1.
    pub line: usize,
}

impl Section {
    /// The files of blocks in a language: ```` ```pol ```` is `main.pol`, ```` ```pol other.pol ```` is
    /// `other.pol`.
    pub fn files(&self, language: &str) -> Vec<(String, String)> {
        let file = |block: &Block| {
            let words: Vec<&str> = block.info.split_whitespace().collect();
            match words[..] {
                [of] if of == language => Some(format!("main.{language}")),
                [of, name] if of == language => Some(name.to_owned()),
                _ => None,
            }
            .map(|name| (name, block.text.clone()))
        };
        self.blocks.iter().filter_map(file).collect()
    }

    /// The block with just this info.
    pub fn block(&self, info: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.info == info)
    }
}

/// The sections of a text, in order.
pub fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(block) = &mut open {
            if line != "```" {
                block.text.push_str(line);
                block.text.push('\n');
                continue;
            }
            let section = sections.last_mut().unwrap();
            section.blocks.extend(open.take());
        } else if let Some(info) = line.strip_prefix("```") {
            open = Some(Block {
                info: info.to_owned(),
                text: String::new(),
                line: index + 2,
            });
        } else if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section {
                title: title.to_owned(),
                line: index + 1,
                blocks: Vec::new(),
            });
        }
    }
    assert!(open.is_none(), "a block is never closed");
    sections
}

/// The Markdown files of a directory of the repository, in order.
pub fn suites(directory: &str) -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut suites: Vec<PathBuf> = fs::read_dir(root.join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    suites.sort();
    suites
}

/// The lines that are only in one of two texts.
pub fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    let without = |lines: &str, others: &str| -> Vec<String> {
        let lines = lines.lines();
        let lines = lines.filter(|line| !others.lines().any(|other| other == *line));
        lines.map(str::to_owned).collect()
    };
    for line in without(expected, actual) {
        writeln!(text, "  - {line}").unwrap();
    }
    for line in without(actual, expected) {
        writeln!(text, "  + {line}").unwrap();
    }
    text
}
