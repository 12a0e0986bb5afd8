//! The policy classes of a node's endpoints, and what their programs read.

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::policy::{MAX_SIGNATURE_WORDS, SLOTS_PER_SIDE};
use polc_inventory::Inventory;
use polc_model::{Direction, Model};
use polc_plan::{Choice, ClassKey, ClassPlan, Layout, Names, Plan, class};

use crate::limits::{TablesError, fit};

/// The classes of a node's endpoints.
pub(crate) struct Classes {
    /// The position is the program's slot.
    pub(crate) plans: Vec<ClassPlan>,
    /// The plan's layout, with the bits of classes that it did not foresee.
    pub(crate) layout: Layout,
    /// Slots of an endpoint's programs, ingress and egress, by the endpoint's position.
    pub(crate) slots: BTreeMap<usize, (u32, u32)>,
}

impl Classes {
    pub(crate) fn of(
        model: &Model,
        plan: &Plan,
        inventory: &Inventory,
        choice: Choice,
    ) -> Result<Self, TablesError> {
        let mut layout = plan.layout.clone();
        let mut slot_of: BTreeMap<ClassKey, u32> = BTreeMap::new();
        let mut plans = Vec::new();
        let mut slots = BTreeMap::new();
        for (position, endpoint) in inventory.endpoints.iter().enumerate() {
            if endpoint.interface.is_none() {
                continue;
            }
            let mut slot =
                |direction| {
                    let key = ClassKey::of(model, direction, &endpoint.facts(None));
                    *slot_of.entry(key).or_insert_with_key(|key| {
                        let planned = plan.class(key).cloned();
                        plans.push(planned.unwrap_or_else(|| {
                            class::plan(model, &mut layout, key.clone(), choice)
                        }));
                        u32::try_from(plans.len() - 1).unwrap_or(u32::MAX)
                    })
                };
            let both = (slot(Direction::Ingress), slot(Direction::Egress));
            slots.insert(position, both);
        }
        fit(plans.len(), SLOTS_PER_SIDE, TablesError::Classes)?;
        Ok(Self {
            plans,
            layout,
            slots,
        })
    }

    /// The named ports that the classes' programs ask for.
    pub(crate) fn names(&self) -> Names {
        let mut names = Names::default();
        self.plans
            .iter()
            .flat_map(ClassPlan::names)
            .for_each(|name| names.insert(name));
        names
    }

    /// The blocks that the classes' programs read.
    pub(crate) fn blocks(&self) -> Result<Vec<u32>, TablesError> {
        let bits = self.layout.bits();
        let blocks: BTreeSet<u32> = self
            .plans
            .iter()
            .flat_map(|class| class.blocks(&bits))
            .collect();
        if blocks.len() > MAX_SIGNATURE_WORDS {
            return Err(TablesError::Blocks(blocks.len()));
        }
        Ok(blocks.into_iter().collect())
    }
}
