//! The policy classes of a node's endpoints, and of the node itself.

use std::collections::BTreeMap;

use polc_abi::policy::MAX_PROGRAMS;
use polc_inventory::Inventory;
use polc_model::{Direction, Model, PeerFacts};
use polc_plan::{Choice, ClassKey, ClassPlan, Plan, class};

use crate::limits::{TablesError, fit};

/// The classes of a node's endpoints, and its own.
pub(crate) struct Classes {
    /// The position is the program's slot.
    pub(crate) plans: Vec<ClassPlan>,
    /// Slots of an endpoint's programs, ingress and egress, by the endpoint's position.
    pub(crate) slots: BTreeMap<usize, (u32, u32)>,
    /// Those of the node's programs, where a policy applies to it.
    pub(crate) node: Option<(u32, u32)>,
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
        let mut slot = |key| {
            *slot_of.entry(key).or_insert_with_key(|key| {
                let planned = plan.class(key).cloned();
                plans.push(planned.unwrap_or_else(|| class::plan(model, key.clone(), choice)));
                u32::try_from(plans.len() - 1).unwrap_or(u32::MAX)
            })
        };
        for (position, endpoint) in inventory.endpoints.iter().enumerate() {
            if endpoint.interface.is_none() {
                continue;
            }
            let mut slot = |direction| slot(ClassKey::of(model, direction, &endpoint.facts(None)));
            let both = (slot(Direction::Ingress), slot(Direction::Egress));
            slots.insert(position, both);
        }
        let node =
            Direction::BOTH.map(|direction| ClassKey::of(model, direction, &PeerFacts::host()));
        let is_governed = node.iter().any(|key| !key.policies.is_empty());
        let node = is_governed.then(|| {
            let [ingress, egress] = node.map(slot);
            (ingress, egress)
        });
        fit(plans.len(), MAX_PROGRAMS, TablesError::Classes)?;
        Ok(Self { plans, slots, node })
    }
}
