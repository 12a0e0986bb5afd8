//! `polc check --fix`: apply the fixes that have only one possible meaning.

use std::collections::BTreeMap;

use polc_diagnostics::Fix;

use crate::{files, operational::OperationalError, package::LoadedPackage};

/// A fix may make room for another one, or show one that was hidden; never for long.
const MAX_ROUNDS: usize = 10;

/// Applies safe fixes until there are none, and writes the files that changed. `analyse` brings a
/// package's diagnostics up to date. Returns how many fixes were applied.
pub(super) fn apply(
    package: &mut LoadedPackage,
    mut analyse: impl FnMut(&mut LoadedPackage),
) -> Result<usize, OperationalError> {
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let changes = changes(package);
        if changes.is_empty() {
            break;
        }
        for (file, (text, count)) in changes {
            files::replace(&package.path_of(&file), text.as_bytes())?;
            package.set_text(&file, text);
            applied += count;
        }
        analyse(package);
    }
    Ok(applied)
}

/// The new text of each file that has safe fixes, and how many they are.
fn changes(package: &LoadedPackage) -> BTreeMap<String, (String, usize)> {
    let mut by_file: BTreeMap<String, Vec<&Fix>> = BTreeMap::new();
    for diagnostic in package
        .diagnostics()
        .iter()
        .filter(|one| one.code.fixes_are_safe())
    {
        if let Some(fix) = &diagnostic.fix {
            by_file
                .entry(fix.place.file.to_string())
                .or_default()
                .push(fix);
        }
    }
    by_file
        .into_iter()
        .map(|(file, fixes)| {
            let changed = apply_all(package.text(&file), fixes);
            (file, changed)
        })
        .filter(|(_, (_, count))| *count > 0)
        .collect()
}

/// Applies fixes from the end, so that the places of those before stay right. Of two that touch,
/// the first is applied now and the other in the next round.
fn apply_all(text: &str, mut fixes: Vec<&Fix>) -> (String, usize) {
    fixes.sort_by_key(|fix| (fix.place.range.start, fix.place.range.end));
    let mut chosen: Vec<&Fix> = Vec::new();
    for fix in fixes {
        let end = chosen.last().map_or(0, |last| last.place.range.end);
        if chosen.is_empty() || fix.place.range.start > end {
            chosen.push(fix);
        }
    }
    let mut text = text.to_owned();
    let mut count = 0;
    for fix in chosen.iter().rev() {
        let range = fix.place.range.start as usize..fix.place.range.end as usize;
        if text.get(range.clone()).is_some() {
            text.replace_range(range, &fix.replacement);
            count += 1;
        }
    }
    (text, count)
}
