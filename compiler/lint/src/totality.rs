//! Lints never panic, whatever is left of a package. The long run is `fuzz/fuzz_targets/check.rs`.

use polc_frontend::Database;
use proptest::prelude::*;

use crate::Context;

const SHOP: [&str; 4] = [
    include_str!("../../../policies/examples/shop/platform.pol"),
    include_str!("../../../policies/examples/shop/services.pol"),
    include_str!("../../../policies/examples/shop/shop.pol"),
    include_str!("../../../policies/examples/shop/web.pol"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn packages_with_lines_missing_are_linted(
        missing in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        swapped in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let mut lines: Vec<&str> = SHOP.iter().flat_map(|text| text.lines()).collect();
        for index in missing {
            lines.remove(index.index(lines.len()));
        }
        let (one, other) = (swapped.0.index(lines.len()), swapped.1.index(lines.len()));
        lines.swap(one, other);
        let mut database = Database::default();
        database.set_file("p.pol", lines.join("\n"));
        let analysis = database.analyze();
        if !analysis.has_errors() {
            let context = Context::new(&database, &analysis.model);
            let _ = crate::run(&context, &analysis.lint_levels);
        }
    }
}
