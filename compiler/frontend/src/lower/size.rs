//! A limit to the size of expressions: definitions that use one another twice grow without bound.

use polc_model::SelectorExpr;

/// More terms than anyone writes, few enough to handle.
const MAX_TERMS: usize = 100_000;
/// Everything behind walks expressions with recursion, and readers of JSON, where each level is
/// two, give up at 128.
const MAX_DEPTH: usize = 48;

/// Whether an expression is larger or deeper than the limits.
pub(crate) fn is_too_large(expr: &SelectorExpr) -> bool {
    let mut left = MAX_TERMS;
    !fits(expr, MAX_DEPTH, &mut left)
}

fn fits(expr: &SelectorExpr, depth: usize, left: &mut usize) -> bool {
    if depth == 0 || *left == 0 {
        return false;
    }
    *left -= 1;
    match expr {
        SelectorExpr::AnyOf(parts) | SelectorExpr::AllOf(parts) => {
            parts.iter().all(|part| fits(part, depth - 1, left))
        }
        SelectorExpr::Minus(base, except) => {
            fits(base, depth - 1, left) && fits(except, depth - 1, left)
        }
        _ => true,
    }
}
