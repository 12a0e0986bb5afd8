//! The policy classes of a node's endpoints.

use std::collections::BTreeMap;

use polc_abi::policy::MAX_PROGRAMS;
use polc_inventory::{Inventory, Place};
use polc_model::{Direction, Model};
use polc_plan::{Choice, ClassKey, ClassPlan, Plan, class};

use crate::limits::{TablesError, fit};

/// The classes of a node's endpoints.
pub(crate) struct Classes {
    /// The position is the program's slot.
    pub(crate) plans: Vec<ClassPlan>,
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
        let mut slot_of: BTreeMap<ClassKey, u32> = BTreeMap::new();
        let mut plans = Vec::new();
        let mut slots = BTreeMap::new();
        for (position, endpoint) in inventory.endpoints.iter().enumerate() {
            if inventory.place(endpoint) == Place::Elsewhere {
                continue;
            }
            let mut slot = |direction| {
                let key = ClassKey::of(model, direction, &inventory.facts(endpoint, None));
                *slot_of.entry(key).or_insert_with_key(|key| {
                    let planned = plan.class(key).cloned();
                    plans.push(planned.unwrap_or_else(|| class::plan(model, key.clone(), choice)));
                    u32::try_from(plans.len() - 1).unwrap_or(u32::MAX)
                })
            };
            let both = (slot(Direction::Ingress), slot(Direction::Egress));
            slots.insert(position, both);
        }
        fit(plans.len(), MAX_PROGRAMS, TablesError::Classes)?;
        Ok(Self { plans, slots })
    }
}
