//! A plan, readable: for each class what is asked about a peer, port by port.

use std::fmt::Write as _;

use polc_bundle::Bundle;
use polc_model::Model;
use polc_plan::{
    ClassPlan, Decisions, Layout, LeafId,
    describe::{Happens, decider_in_words, keys_in_words},
    raw_verdict,
};
use serde::Serialize;

use crate::command::class_name;

/// A class of a plan. `--format json` shows these; fields may be added, never removed or renamed.
#[derive(Serialize)]
pub(super) struct ClassView {
    /// `ingress of a, b`
    pub(super) class: String,
    pub(super) enforced: ScopeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audited: Option<ScopeView>,
}

/// What is decided, or what would be.
#[derive(Serialize)]
pub(super) struct ScopeView {
    pub(super) strategy: String,
    pub(super) leaves: Vec<LeafView>,
}

/// What is decided at some ports.
#[derive(Serialize)]
pub(super) struct LeafView {
    /// Protocols, ports and ICMP types, as the source says them.
    pub(super) keys: Vec<String>,
    /// Whether these are the most: all that no other leaf speaks about.
    pub(super) is_everything_else: bool,
    pub(super) questions: Vec<QuestionView>,
}

/// One question about a peer.
#[derive(Serialize)]
pub(super) struct QuestionView {
    /// The peers. `None` where all that are left are meant.
    pub(super) peer: Option<String>,
    /// `allow`, `deny`, `reject`, or `pass`.
    pub(super) then: &'static str,
    /// For `pass`, the position of the question that comes next, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<usize>,
    /// Who decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decider: Option<String>,
    /// `file:line`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
}

/// The classes of a bundle's plan.
pub(super) fn classes(bundle: &Bundle) -> Vec<ClassView> {
    let classes = bundle.plan.classes.iter();
    classes.map(|class| view(&bundle.model, class)).collect()
}

fn view(model: &Model, class: &ClassPlan) -> ClassView {
    let layout = &class.layout;
    ClassView {
        class: class_name(model, &class.key),
        enforced: scope(model, layout, &class.enforced),
        audited: class
            .audited
            .as_ref()
            .map(|audited| scope(model, layout, audited)),
    }
}

fn scope(model: &Model, layout: &Layout, decisions: &Decisions) -> ScopeView {
    let keys = decisions.keys_of_leaves();
    let sizes = keys.iter().map(|keys| {
        let counts = keys.iter().map(|keys| keys.last - keys.first);
        counts.map(u64::from).sum::<u64>()
    });
    let largest = sizes.enumerate().max_by_key(|(_, size)| *size);
    let largest = largest.map_or(0, |(leaf, _)| leaf);
    let leaves = keys.iter().enumerate().map(|(leaf, keys)| LeafView {
        keys: keys.iter().copied().flat_map(keys_in_words).collect(),
        is_everything_else: leaf == largest && decisions.leaf_count() > 1,
        questions: questions(model, layout, decisions, LeafId(leaf)),
    });
    let mut leaves: Vec<LeafView> = leaves.collect();
    leaves.sort_by_key(|leaf| leaf.is_everything_else);
    ScopeView {
        strategy: decisions.strategy().to_string(),
        leaves,
    }
}

fn questions(
    model: &Model,
    layout: &Layout,
    decisions: &Decisions,
    leaf: LeafId,
) -> Vec<QuestionView> {
    let asked = decisions.questions(model, layout, leaf).into_iter();
    asked
        .map(|asked| match asked.then {
            Happens::GoesTo(next) => QuestionView {
                peer: asked.peer,
                then: "pass",
                next: Some(next + 1),
                decider: None,
                place: None,
            },
            Happens::Decided(decision) => QuestionView {
                peer: asked.peer,
                then: raw_verdict(model, decision).name(),
                next: None,
                decider: Some(decider_in_words(model, decision.decider)),
                place: model
                    .deciding_origin(decision.decider)
                    .map(|origin| model.place(origin)),
            },
        })
        .collect()
}

impl ClassView {
    pub(super) fn write(&self, out: &mut String) {
        let _ = writeln!(out, "{}: {}", self.class, self.enforced.strategy);
        self.enforced.write(out);
        if let Some(audited) = &self.audited {
            let _ = writeln!(
                out,
                "\n{}, were its audits enforced: {}",
                self.class, audited.strategy
            );
            audited.write(out);
        }
    }
}

impl ScopeView {
    fn write(&self, out: &mut String) {
        for leaf in &self.leaves {
            let _ = writeln!(out, "  {}", leaf.title());
            for question in &leaf.questions {
                let _ = writeln!(out, "    {}", question.line());
            }
        }
    }
}

impl LeafView {
    /// The ports that it is about.
    pub(super) fn title(&self) -> String {
        const SHOWN: usize = 8;
        if self.is_everything_else {
            return "everything else".to_owned();
        }
        let mut shown: Vec<&str> = self.keys.iter().take(SHOWN).map(String::as_str).collect();
        let more = format!("{} more", self.keys.len().saturating_sub(SHOWN));
        if self.keys.len() > SHOWN {
            shown.push(&more);
        }
        shown.join(" | ")
    }
}

impl QuestionView {
    pub(super) fn line(&self) -> String {
        let peer = self.peer.as_deref().unwrap_or("otherwise");
        let mut line = format!("{peer:<28} {:<6}", self.then);
        if let Some(next) = self.next {
            let _ = write!(line, " goes to {next}");
        }
        if let Some(decider) = &self.decider {
            let _ = write!(line, " {decider}");
        }
        if let Some(place) = &self.place {
            let _ = write!(line, "  {place}");
        }
        line
    }
}
