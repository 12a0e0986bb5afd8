//! What plainly follows from selectors does follow, by the exact decision.

use polc_logic::Answer;
use polc_plan::implication::{excludes, implies};
use polc_testgen::Case;

#[test]
fn what_is_plain_to_see_is_so() {
    let (mut implied, mut excluded) = (0, 0);
    for seed in 0..40 {
        let case = Case::new(seed, &[]);
        let selectors = case.model.selectors.iter().take(25);
        let selectors: Vec<_> = selectors.map(|selector| &selector.expr).collect();
        for one in &selectors {
            for other in &selectors {
                if implies(one, other) && one != other {
                    let exact = polc_logic::implies(one, other);
                    assert_eq!(exact, Answer::Yes, "{one:?}\nimplies\n{other:?}");
                    implied += 1;
                }
                if excludes(one, other) {
                    let exact = polc_logic::excludes(one, other);
                    assert_eq!(exact, Answer::Yes, "{one:?}\nexcludes\n{other:?}");
                    excluded += 1;
                }
            }
        }
    }
    assert!(
        implied > 300 && excluded > 300,
        "{implied} implied, {excluded} excluded"
    );
}
