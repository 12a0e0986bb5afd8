//! What fuzzing has found worth keeping, run once: see `fuzz/`.

use std::{fs, path::Path};

use polc_frontend::{Analysis, Database};

fn analyse(text: &str) -> Analysis {
    let mut database = Database::default();
    database.set_file("a.pol", text);
    database.analyze()
}

#[test]
fn kept_inputs_are_checked_formatted_and_mean_the_same() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut count = 0;
    for target in fs::read_dir(seeds).unwrap() {
        for seed in fs::read_dir(target.unwrap().path()).unwrap() {
            let path = seed.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let analysis = analyse(&text);
            assert_eq!(
                polc_model::validate::validate(&analysis.model),
                Ok(()),
                "{}",
                path.display()
            );
            count += 1;
            let Ok(formatted) = polc_format::format(&text) else {
                continue;
            };
            assert_eq!(
                polc_format::format(&formatted).as_ref(),
                Ok(&formatted),
                "{}",
                path.display()
            );
            if !analysis.has_errors() {
                let after = analyse(&formatted);
                assert_eq!(
                    after.model.without_sources(),
                    analysis.model.without_sources(),
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(count > 100, "only {count} seeds");
}
