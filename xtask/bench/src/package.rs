//! A package as large teams have it: 1,000 files, one policy each, 10,000 rules.

/// How many files, apart from the one with the names.
pub(crate) const FILES: usize = 1_000;
const RULES_PER_DIRECTION: usize = 5;

/// The files, by path.
pub(crate) fn files() -> Vec<(String, String)> {
    let names: String = (0..FILES)
        .map(|number| format!("endpoints app_{number} = {{ app: \"app-{number}\" }}\n"))
        .collect();
    let mut files = vec![("names.pol".to_owned(), format!("package large\n\n{names}"))];
    files.extend((0..FILES).map(|number| (format!("policy_{number:04}.pol"), policy(number))));
    files
}

/// One file. Whoever is allowed to go out is let in at the other end.
fn policy(number: usize) -> String {
    let rules = |word: &str, step: usize| -> String {
        (0..RULES_PER_DIRECTION)
            .map(|rule| {
                let peer = (number + step * (rule + 1)) % FILES;
                format!("    allow {word} app_{peer} on tcp {}\n", 8000 + rule)
            })
            .collect()
    };
    format!(
        "policy policy_{number} for app_{number} {{\n  ingress {{\n{}  }}\n  egress {{\n{}  }}\n}}\n",
        rules("from", FILES - 7),
        rules("to", 7),
    )
}
