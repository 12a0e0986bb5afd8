//! The invariants of docs/architecture.md that can be read off the sources.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: a panic is its way to fail"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Direct dependencies of each of our crates, without those of tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let of_code = all
                .filter(|one| one["kind"].is_null())
                .map(|one| text(&one["name"]));
            (text(&package["name"]), of_code.collect())
        })
        .collect()
}

/// Everything of ours that a crate depends on, however indirectly.
fn reaches(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for dependency in graph.get(&name).into_iter().flatten() {
            if graph.contains_key(dependency) && reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    reached
}

#[test]
fn the_agent_links_no_front_end() {
    let reached = reaches(&dependencies(), "polc-agent");
    assert!(
        reached.contains("polc-codegen"),
        "the agent compiles classes by itself: {reached:?}"
    );
    for front_end in [
        "polc-syntax",
        "polc-frontend",
        "polc-diagnostics",
        "polc-reference",
    ] {
        assert!(!reached.contains(front_end), "the agent links {front_end}");
    }
}

#[test]
fn the_pipeline_flows_one_way() {
    let graph = dependencies();
    for (earlier, later) in [
        ("polc-model", "polc-plan"),
        ("polc-plan", "polc-codegen"),
        ("polc-codegen", "polc-bundle"),
        ("polc-syntax", "polc-frontend"),
        ("polc-frontend", "polc"),
    ] {
        assert!(
            !reaches(&graph, earlier).contains(later),
            "{earlier} knows {later}"
        );
    }
    for (name, _) in graph
        .iter()
        .filter(|(name, _)| name.as_str() != "polc-agent")
    {
        let is_tool = ["xtask", "polc-bench", "polc-testbed"].contains(&name.as_str());
        assert!(
            is_tool || !reaches(&graph, name).contains("polc-agent"),
            "{name} knows the agent"
        );
    }
}

#[test]
fn the_reference_shares_no_code_with_the_compiler() {
    let reached = reaches(&dependencies(), "polc-reference");
    assert_eq!(reached, BTreeSet::from(["polc-model".to_owned()]));
}

/// Rust files of the repository, with their text. Build output is elsewhere.
fn sources() -> Vec<(PathBuf, String)> {
    let mut open = vec![root()];
    let mut sources = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    sources
}

#[test]
fn unsafe_code_stays_where_the_kernel_is() {
    const ALLOWED: [&str; 4] = [
        "runtime-bpf/abi",
        "runtime-bpf/datapath",
        "agent/sys",
        "agent/testbed",
    ];
    for (path, text) in sources() {
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let is_unsafe = code.into_iter().any(|line| {
            [
                "unsafe {",
                "unsafe fn",
                "unsafe impl",
                "unsafe trait",
                "unsafe extern",
            ]
            .iter()
            .any(|form| line.contains(form) && !line.contains('"'))
        });
        let allowed = ALLOWED.iter().any(|folder| path.starts_with(folder));
        assert!(!is_unsafe || allowed, "unsafe code in {}", path.display());
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_drop_reason_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/agent.md")).unwrap();
    for reason in polc_abi::verdict::DropReason::ALL {
        let row = format!("| `{}` | {} |", reason.slug(), reason.explanation());
        assert!(
            page.contains(&row) || reason.slug() == "policy",
            "docs/agent.md lacks {row}"
        );
    }
}
