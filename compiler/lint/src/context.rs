//! What lints look at.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use polc_diagnostics::Place;
use polc_frontend::Database;
use polc_inventory::Inventory;
use polc_logic::Answer;
use polc_model::{Model, Origin, Policy, Rule, RuleId, SelectorExpr, SelectorId};
use polc_syntax::ast::SourceFileAst;

use crate::rules::{self, Cover};

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

    /// The files' paths and trees, in order of path.
    pub(crate) fn trees(&self) -> impl Iterator<Item = (&'a str, SourceFileAst)> {
        self.database.paths().map(|path| {
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

    pub(crate) fn rules(&self) -> impl Iterator<Item = RuleOf<'a>> {
        let model = self.model;
        model.rules_with_ids().filter_map(move |(id, rule)| {
            let policy = model.policy(rule.policy)?;
            let peer = &model.selector(rule.peer)?.expr;
            Some(RuleOf {
                id,
                rule,
                policy,
                peer,
            })
        })
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
