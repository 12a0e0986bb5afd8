//! Finding what was probably meant by a misspelt word.

/// The candidate nearest to `word`, when it is near enough to be a slip of the keyboard. Of equally
/// near ones, the first in the order of the candidates.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word && !candidate.is_empty())
        // Longer or shorter by more than is allowed: no need to look closer.
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed * 4)
        .map(|candidate| (distance(word, candidate, allowed), candidate))
        .filter(|(distance, candidate)| {
            // Replacing every letter is not a slip.
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, case
/// apart counting as no difference. Past `limit` it is only said that it is more.
fn distance(one: &str, other: &str, limit: usize) -> usize {
    let one: Vec<char> = one.chars().flat_map(char::to_lowercase).collect();
    let other: Vec<char> = other.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let replace = at(&last, column).saturating_add(usize::from(a != b));
            let delete = at(&last, column + 1).saturating_add(1);
            let insert = at(&current, column).saturating_add(1);
            let mut best = replace.min(delete).min(insert);
            let swapped = row > 0
                && column > 0
                && one.get(row - 1) == Some(b)
                && other.get(column - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, column - 1).saturating_add(1));
            }
            current.push(best);
        }
        if current.iter().all(|distance| *distance > limit) {
            return limit + 1;
        }
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        let names = ["web", "cart", "checkout"];
        assert_eq!(closest("crat", names), Some("cart"));
        assert_eq!(closest("chekout", names), Some("checkout"));
        assert_eq!(closest("Cart", names), Some("cart"));
    }

    #[test]
    fn distant_words_are_not_suggested() {
        assert_eq!(closest("redis", ["web", "cart"]), None);
        assert_eq!(closest("x", ["y"]), None);
    }

    #[test]
    fn the_first_of_equally_near_words_wins() {
        assert_eq!(closest("cat", ["cart", "chat"]), Some("cart"));
    }
}
