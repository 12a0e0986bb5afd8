//! Reference pages that are made of what is tested: the language from the executable
//! specification, errors and lints from their pages.

use std::{collections::BTreeMap, fs, path::Path};

use crate::run::{Error, Result, error, root, say};

/// The order in which the language is told. Suites that are not named here follow, by name.
const ORDER: [&str; 21] = [
    "selectors",
    "cidr",
    "entities",
    "ports",
    "policies-and-isolation",
    "rules",
    "tiers",
    "http",
    "dns",
    "sni",
    "dns-queries",
    "services",
    "modules",
    "templates",
    "tests",
    "assertions",
    "lint-levels",
    "naming",
    "labels",
    "comments",
    "recovery",
];

/// What to do with the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them.
    Write,
    /// Only say whether they are as they would be written.
    Check,
}

/// Makes every generated page.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let pages = [
        ("docs/language.md", language(&root().join("policies/spec"))?),
        (
            "docs/errors.md",
            errors(&root().join("compiler/diagnostics/pages"))?,
        ),
    ];
    for (name, text) in pages {
        let path = root().join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        match mode {
            Mode::Write => {
                fs::write(&path, text).map_err(at(&path))?;
                say(format_args!("wrote {name}"));
            }
            Mode::Check => return error(format!("{name} is out of date; run `cargo xtask docs`")),
        }
    }
    Ok(())
}

/// The suites of the specification, one chapter each.
fn language(folder: &Path) -> Result<String> {
    let mut suites = markdown(folder)?;
    suites.remove("README");
    let mut text = String::from(
        "# The Pol language\n\n\
         This page is made of the executable specification in `policies/spec`: every source on it \
         is compiled and every expectation checked whenever the tests run. `cargo xtask docs` \
         makes it anew.\n\n",
    );
    let named = ORDER
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), suites.get(*name)?.clone())));
    let mut chapters: Vec<(String, String)> = named.collect();
    for (name, suite) in suites {
        if !ORDER.contains(&name.as_str()) {
            chapters.push((name, suite));
        }
    }
    for (_, suite) in &chapters {
        if let Some(title) = suite.lines().find_map(|line| line.strip_prefix("# ")) {
            text.push_str(&format!("- [{title}](#{})\n", anchor(title)));
        }
    }
    for (_, suite) in chapters {
        text.push('\n');
        text.push_str(&chapter(&suite));
    }
    Ok(text)
}

/// A suite with its headings one level deeper, and what only its runner needs left out.
fn chapter(suite: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for line in suite.lines() {
        if line.starts_with("```") {
            is_code = line.len() > 3;
        }
        match line {
            "```diagnostics" => text.push_str("polc says:\n\n```text\n"),
            _ if !is_code && line.starts_with('#') => text.push_str(&format!("#{line}\n")),
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    text
}

/// The pages of all codes, in order.
fn errors(folder: &Path) -> Result<String> {
    let mut text = String::from(
        "# Errors and lints\n\n\
         What `polc explain CODE` shows. Every wrong example is caught and every right one is \
         clean whenever the tests run. `cargo xtask docs` makes this page anew.\n",
    );
    for (_, page) in markdown(folder)? {
        text.push('\n');
        text.push_str(&chapter(&page));
    }
    Ok(text)
}

/// Markdown files of a folder, by name without the ending.
fn markdown(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.insert(name, fs::read_to_string(&path).map_err(at(&path))?);
        }
    }
    Ok(files)
}

/// How renderers name a heading.
fn anchor(title: &str) -> String {
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error(format!("`{path}`: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_up_to_date() {
        run(Mode::Check).unwrap();
    }

    #[test]
    fn headings_move_and_code_does_not() {
        let suite = "# A\n\n```pol\n# not a heading\n```\n\n```diagnostics\nx\n```\n## B\n";
        let expected =
            "## A\n\n```pol\n# not a heading\n```\n\npolc says:\n\n```text\nx\n```\n### B\n";
        assert_eq!(chapter(suite), expected);
        assert_eq!(anchor("Policies, and isolation"), "policies-and-isolation");
    }
}
