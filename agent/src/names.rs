//! Names that people type.

use crate::{
    Error,
    candidate::Candidate,
    flows::{History, filter::means},
};

/// The candidate that is nearest to `word`, where it is near enough to be a slip of the keyboard: an
/// edit for every three letters. Of equally near ones, the first.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        // Replacing every letter is not a slip.
        .filter(|(edits, candidate)| *edits <= allowed && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Makes sure that each name is somebody's: in what is in force, or in a record of a flow.
///
/// # Errors
/// One is nobody's.
pub(crate) fn check<'a>(
    candidate: &Candidate,
    history: &History,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    let known = &candidate.tables.names;
    names.into_iter().try_for_each(|name| {
        if known.iter().any(|(_, one)| means(name, one)) || history.knows(name) {
            Ok(())
        } else {
            Err(unknown(name, known.iter().map(|(_, one)| one)))
        }
    })
}

/// The error about a name that nobody has.
pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    let short = known.iter().filter_map(|one| one.rsplit('/').next());
    let near = closest(name, known.iter().copied().chain(short));
    Error::UnknownName {
        name: name.to_owned(),
        help: match near {
            Some(near) => format!("did you mean `{near}`? `polc-agent peers` lists all"),
            None => "`polc-agent peers` lists who has a name".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_name_that_was_meant() {
        let known = ["world", "shop/web-1"];
        let help = |name| match unknown(name, known) {
            Error::UnknownName { help, .. } => help,
            other => panic!("{other}"),
        };
        assert!(help("wbe-1").starts_with("did you mean `web-1`?"));
        assert!(help("shop/web-2").starts_with("did you mean `shop/web-1`?"));
        assert!(help("database").starts_with("`polc-agent peers`"));
    }

    #[test]
    fn of_equally_near_words_the_first_is_meant() {
        assert_eq!(closest("web-0", ["web-1", "web-2"]), Some("web-1"));
        assert_eq!(closest("x", ["y"]), None);
    }
}
