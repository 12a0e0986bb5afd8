//! What lints look at.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use polc_diagnostics::Place;
use polc_frontend::{Database, SourceKind};
use polc_inventory::Inventory;
use polc_logic::Answer;
use polc_model::{Model, Origin, Policy, PolicyId, Rule, RuleId, SelectorExpr, SelectorId};
use polc_syntax::ast::SourceFileAst;

use crate::{
    rules::{self, Cover},
    subjects::Subjects,
};

/// A package without errors, its sources, and what is known of the node.
pub struct Context<'a> {
    /// What the package means.
    pub model: &'a Model,
    database: &'a Database,
    inventory: Option<&'a Inventory>,
    /// Answers that were given before: lints ask the same again and again.
    implied: RefCell<BTreeMap<(SelectorId, SelectorId), Answer>>,
    excluded: RefCell<BTreeMap<(SelectorId, SelectorId), Answer>>,
    covers: OnceCell<Vec<Cover<'a>>>,
    subjects: Subjects<'a>,
}

/// A rule with its policy.
#[derive(Clone, Copy)]
pub(crate) struct RuleOf<'a> {
    pub(crate) id: RuleId,
    pub(crate) rule: &'a Rule,
    pub(crate) policy: &'a Policy,
    pub(crate) peer: &'a SelectorExpr,
}

impl<'a> Context<'a> {
    /// A package that was analysed without errors.
    #[must_use]
    pub fn new(database: &'a Database, model: &'a Model) -> Self {
        Self {
            model,
            database,
            inventory: None,
            implied: RefCell::default(),
            excluded: RefCell::default(),
            covers: OnceCell::new(),
            subjects: Subjects::new(model),
        }
    }

    /// With the endpoints that there are.
    #[must_use]
    pub fn with_inventory(mut self, inventory: &'a Inventory) -> Self {
        self.inventory = Some(inventory);
        self
    }

    pub(crate) const fn inventory(&self) -> Option<&'a Inventory> {
        self.inventory
    }

    /// The source that an origin names.
    pub(crate) fn place(&self, origin: &Origin) -> Place {
        self.database.place_of(self.model, origin)
    }

    /// The paths and trees of `.pol` files, in order of path.
    pub(crate) fn trees(&self) -> impl Iterator<Item = (&'a str, SourceFileAst)> {
        let paths = self.database.paths();
        let of_language = paths.filter(|path| SourceKind::of(path) == SourceKind::Pol);
        of_language.map(|path| {
            let text = self.database.text(path).unwrap_or_default();
            (path, polc_syntax::parse(text).file)
        })
    }

    /// The source text of a place.
    pub(crate) fn text(&self, place: &Place) -> &'a str {
        let text = self.database.text(&place.file).unwrap_or_default();
        let range = place.range.start as usize..place.range.end as usize;
        text.get(range).unwrap_or_default()
    }

    /// The rules of policies that may select an endpoint that this selector selects.
    pub(crate) fn rules_near(&self, selector: SelectorId) -> impl Iterator<Item = RuleOf<'a>> + '_ {
        self.policies_near(selector).flat_map(|policy| {
            let start = self
                .model
                .rules
                .partition_point(|rule| rule.policy < policy);
            let rules = self.model.rules.iter().enumerate().skip(start);
            rules
                .take_while(move |(_, rule)| rule.policy == policy)
                .filter_map(|(index, rule)| self.rule_of(RuleId::new(index), rule))
        })
    }

    /// Policies that may select an endpoint that this selector selects, in order.
    pub(crate) fn policies_near(
        &self,
        selector: SelectorId,
    ) -> impl Iterator<Item = PolicyId> + use<'a> {
        self.subjects.near(self.expr(selector)).into_iter()
    }

    fn rule_of(&self, id: RuleId, rule: &'a Rule) -> Option<RuleOf<'a>> {
        let policy = self.model.policy(rule.policy)?;
        let peer = &self.model.selector(rule.peer)?.expr;
        Some(RuleOf {
            id,
            rule,
            policy,
            peer,
        })
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = RuleOf<'a>> + '_ {
        self.model
            .rules_with_ids()
            .filter_map(|(id, rule)| self.rule_of(id, rule))
    }

    /// Rules that others always decide before; see [`rules::covered`].
    pub(crate) fn covers(&self) -> &[Cover<'a>] {
        self.covers.get_or_init(|| rules::covered(self))
    }

    pub(crate) fn expr(&self, id: SelectorId) -> Option<&'a SelectorExpr> {
        self.model.selector(id).map(|selector| &selector.expr)
    }

    /// Whether every peer in `narrow` is in `wide`, for certain.
    pub(crate) fn implies(&self, narrow: SelectorId, wide: SelectorId) -> bool {
        narrow == wide || self.ask(&self.implied, narrow, wide, polc_logic::implies)
    }

    /// Whether no peer is in both, for certain.
    pub(crate) fn excludes(&self, one: SelectorId, other: SelectorId) -> bool {
        let (one, other) = (one.min(other), one.max(other));
        one != other && self.ask(&self.excluded, one, other, polc_logic::excludes)
    }

    fn ask(
        &self,
        known: &RefCell<BTreeMap<(SelectorId, SelectorId), Answer>>,
        one: SelectorId,
        other: SelectorId,
        decide: fn(&SelectorExpr, &SelectorExpr) -> Answer,
    ) -> bool {
        if let Some(&answer) = known.borrow().get(&(one, other)) {
            return answer == Answer::Yes;
        }
        let answer = match (self.expr(one), self.expr(other)) {
            (Some(first), Some(second)) => decide(first, second),
            _ => Answer::Unknown,
        };
        known.borrow_mut().insert((one, other), answer);
        answer == Answer::Yes
    }
}
