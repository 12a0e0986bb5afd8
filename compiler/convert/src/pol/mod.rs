//! A Model as a `.pol` file that reads as if somebody had written it.
//!
//! ```text
//! policies ──templates──► those that differ in texts alone, as one template and its applications
//!          ──sets──► peers, ports and requests that return, each defined once under a name
//!          ──policy──► the rest, word by word
//! ```

mod expr;
mod policy;
mod sets;
mod templates;
mod words;

use std::fmt::Write as _;

use polc_model::{HostAccess, Model, PolicyId};

use crate::{Comments, Unsayable};
use policy::Writer;
use sets::Sets;
use words::Names;

/// Writes the policies of a Model.
///
/// # Errors
/// Everything that the language cannot say, such as a text with a quote in it.
pub fn write(model: &Model, comments: &Comments) -> Result<String, Vec<Unsayable>> {
    let mut names = Names::default();
    let plain = Writer {
        model,
        comments,
        sets: &Sets::default(),
    };
    let all = (0..model.policies.len()).map(PolicyId::new);
    let (written, problems): (Vec<_>, Vec<_>) =
        all.map(|id| plain.policy(id)).partition(Result::is_ok);
    if !problems.is_empty() {
        return Err(problems.into_iter().filter_map(Result::err).collect());
    }
    let written: Vec<policy::Written> = written.into_iter().flatten().collect();
    let (templates, alone) = templates::find(&written, &mut names);
    let sets = Sets::find(model, &alone, &mut names);
    let writer = Writer {
        model,
        comments,
        sets: &sets,
    };

    let mut text = String::new();
    let _ = writeln!(
        text,
        "package {}\n",
        words::word(&model.package, "policies")
    );
    if model.host_access == HostAccess::Restricted {
        text.push_str("host_access restricted\n\n");
    }
    sets.write(&mut text);
    for template in &templates {
        template.write(&mut text);
    }
    for id in alone {
        match writer.policy(id) {
            Ok(policy) => {
                for comment in &policy.comments {
                    let _ = writeln!(text, "// {comment}");
                }
                text.push_str(&policy.text);
                text.push('\n');
            }
            Err(problem) => return Err(vec![problem]),
        }
    }
    // Brackets match: whatever is in quotes cannot hold a quote.
    Ok(polc_format::format(&text).unwrap_or(text))
}
