//! `rules.dns`: names that may be asked for.

use polc_model::L7Match;

use super::fqdn;
use crate::{located::Node, report::Report};

/// Reads the items of `dns`, which are not none.
pub(super) fn read(items: &[Node], report: &mut Report) -> Option<L7Match> {
    let names: Vec<Option<String>> = items
        .iter()
        .map(|item| fqdn::matched(item, "an item of `dns`", report))
        .collect();
    let mut names = names.into_iter().collect::<Option<Vec<String>>>()?;
    names.sort();
    names.dedup();
    Some(L7Match::Dns(names))
}
