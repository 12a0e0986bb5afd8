//! The policy classes of a node's endpoints, and of the node itself.

use std::{collections::BTreeMap, sync::Arc};

use polc_abi::policy::MAX_PROGRAMS;
use polc_inventory::{Inventory, Place};
use polc_model::{Direction, Model};
use polc_plan::{Choice, ClassKey, ClassPlan, Plan, class};

use crate::{
    Before,
    limits::{TablesError, fit},
};

/// The classes of a node's endpoints, and its own.
pub(crate) struct Classes {
    /// The position is the program's slot.
    pub(crate) plans: Vec<Arc<ClassPlan>>,
    /// Slots of an endpoint's programs, by the endpoint's position.
    pub(crate) slots: BTreeMap<u32, Slots>,
    /// Those of the node's programs, where a policy applies to it.
    pub(crate) node: Option<Slots>,
}

/// Slots of an endpoint's programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) ingress: u32,
    pub(crate) egress: u32,
}

impl Classes {
    /// Those of an inventory's endpoints. `same` says for each endpoint which one of the inventory before
    /// it is, unchanged, where the policies are the same: that one's classes are its own.
    pub(crate) fn of(
        model: &Model,
        plan: &Plan,
        inventory: &Inventory,
        choice: Choice,
        before: Option<(Before<'_>, &[Option<u32>])>,
    ) -> Result<Self, TablesError> {
        let mut numbering = Numbering {
            model,
            plan,
            choice,
            slot_of: BTreeMap::new(),
            kept: BTreeMap::new(),
            plans: Vec::new(),
        };
        let mut slots = BTreeMap::new();
        for (position, endpoint) in (0_u32..).zip(&inventory.endpoints) {
            let known = before.and_then(|(before, same)| {
                let same = (*same.get(position as usize)?)?;
                Some((before.tables, before.tables.slots.get(&same).copied()))
            });
            let both = match known {
                // It was elsewhere, and is.
                Some((_, None)) => continue,
                Some((tables, Some(slots))) => Slots {
                    ingress: numbering.keep(&tables.classes, slots.ingress),
                    egress: numbering.keep(&tables.classes, slots.egress),
                },
                None if inventory.place(endpoint) == Place::Elsewhere => continue,
                None => {
                    let facts = inventory.facts(endpoint, None);
                    let key = |direction| ClassKey::of(model, direction, &facts);
                    Slots {
                        ingress: numbering.slot(key(Direction::Ingress)),
                        egress: numbering.slot(key(Direction::Egress)),
                    }
                }
            };
            slots.insert(position, both);
        }
        let host = inventory.node.facts();
        let node = Direction::BOTH.map(|direction| ClassKey::of(model, direction, &host));
        let is_governed = node.iter().any(|key| !key.policies.is_empty());
        let node = is_governed.then(|| {
            let [ingress, egress] = node.map(|key| numbering.slot(key));
            Slots { ingress, egress }
        });
        fit(numbering.plans.len(), MAX_PROGRAMS, TablesError::Classes)?;
        Ok(Self {
            plans: numbering.plans,
            slots,
            node,
        })
    }
}

/// Slots in order of first use.
struct Numbering<'a> {
    model: &'a Model,
    plan: &'a Plan,
    choice: Choice,
    slot_of: BTreeMap<ClassKey, u32>,
    /// By slot before.
    kept: BTreeMap<u32, u32>,
    plans: Vec<Arc<ClassPlan>>,
}

impl Numbering<'_> {
    fn slot(&mut self, key: ClassKey) -> u32 {
        if let Some(&slot) = self.slot_of.get(&key) {
            return slot;
        }
        let planned = self.plan.class(&key).cloned();
        self.add(planned.unwrap_or_else(|| Arc::new(class::plan(self.model, key, self.choice))))
    }

    /// The slot of what had one before, in these classes.
    fn keep(&mut self, classes: &[Arc<ClassPlan>], before: u32) -> u32 {
        if let Some(&slot) = self.kept.get(&before) {
            return slot;
        }
        let Some(plan) = classes.get(before as usize) else {
            return u32::MAX;
        };
        let slot = match self.slot_of.get(&plan.key) {
            Some(&slot) => slot,
            None => self.add(Arc::clone(plan)),
        };
        self.kept.insert(before, slot);
        slot
    }

    fn add(&mut self, plan: Arc<ClassPlan>) -> u32 {
        let slot = u32::try_from(self.plans.len()).unwrap_or(u32::MAX);
        self.slot_of.insert(plan.key.clone(), slot);
        self.plans.push(plan);
        slot
    }
}
