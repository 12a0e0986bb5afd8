//! The comparison, and making a disagreement small enough to be read.

use std::fmt;

use polc_abi::verdict::Verdict as RawVerdict;
use polc_model::{Action, Decider, Decision, PolicyId, Verdict};
use polc_testgen::{Case, Probe, Subject};

use crate::node::{Fault, Node, Options, Said};

/// A packet about which two forms of a package disagree.
#[derive(Debug)]
pub struct Disagreement {
    /// The package and its node.
    pub case: Case,
    /// The packet.
    pub probe: Probe,
    /// What each form says.
    pub answers: Answers,
}

/// What each form says about a packet, or why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The reference interpreter, over the Model.
    pub reference: Option<Said>,
    /// The interpreter over the Plan.
    pub plan: Option<Said>,
    /// The emitted bytecode.
    pub bytecode: Result<Said, String>,
}

impl Answers {
    fn of(node: &mut Node, case: &Case, probe: &Probe) -> Self {
        Self {
            reference: reference(case, probe),
            plan: node.plan(case, probe),
            bytecode: node.bytecode(case, probe),
        }
    }

    fn agree(&self) -> bool {
        self.reference.is_some()
            && self.plan == self.reference
            && self.bytecode.as_ref().ok() == self.reference.as_ref()
    }
}

/// What the reference interpreter says.
#[must_use]
pub fn reference(case: &Case, probe: &Probe) -> Option<Said> {
    let Decision { verdict, decider } = case.reference(probe)?;
    let action = match decider {
        Decider::Rule(rule) => Some(case.model.rule(rule)?.action),
        _ => None,
    };
    Some(Said {
        verdict: match (verdict, action) {
            (Verdict::Allow, _) => RawVerdict::Allow,
            (Verdict::Deny, Some(Action::Reject)) => RawVerdict::Reject,
            (Verdict::Deny, _) => RawVerdict::Deny,
        },
        decider,
        audit: case.reference_audit(probe).map(|decision| decision.decider),
    })
}

/// Compares every form of a case for a number of random packets.
///
/// # Errors
/// The first packet about which they disagree, made small.
pub fn compare(case: Case, packets: usize, options: Options) -> Result<(), Box<Disagreement>> {
    compare_faulty(case, packets, options, &Fault::None)
}

/// As [`compare`], with a fault: a test of the test.
///
/// # Errors
/// As [`compare`].
pub fn compare_faulty(
    mut case: Case,
    packets: usize,
    options: Options,
    fault: &Fault,
) -> Result<(), Box<Disagreement>> {
    let mut node = match Node::new(&case, options, fault) {
        Ok(node) => node,
        // Every case compiles: say so with the first packet there is.
        Err(cause) => {
            let Some(probe) = case.probe_of_any() else {
                return Ok(());
            };
            let answers = Answers {
                reference: reference(&case, &probe),
                plan: None,
                bytecode: Err(cause),
            };
            return Err(Box::new(Disagreement {
                case,
                probe,
                answers,
            }));
        }
    };
    for _ in 0..packets {
        let Some(probe) = case.probe_of_any() else {
            return Ok(());
        };
        let answers = Answers::of(&mut node, &case, &probe);
        if !answers.agree() {
            let found = Disagreement {
                case,
                probe,
                answers,
            };
            return Err(Box::new(shrink(found, options, fault)));
        }
    }
    Ok(())
}

/// Leaves policies and rules out as long as the forms still disagree about the packet.
fn shrink(mut found: Disagreement, options: Options, fault: &Fault) -> Disagreement {
    let try_smaller = |smaller: Case, probe: &Probe| -> Option<Disagreement> {
        let mut node = Node::new(&smaller, options, fault).ok()?;
        let answers = Answers::of(&mut node, &smaller, probe);
        (!answers.agree()).then(|| Disagreement {
            case: smaller,
            probe: probe.clone(),
            answers,
        })
    };
    let mut index = 0;
    while index < found.case.model.policies.len() {
        let smaller = found.case.without_policy(PolicyId::new(index));
        match try_smaller(smaller, &found.probe) {
            Some(smaller) => found = smaller,
            None => index += 1,
        }
    }
    let mut index = 0;
    while index < found.case.model.rules.len() {
        let smaller = found.case.without_rule(index);
        match try_smaller(smaller, &found.probe) {
            Some(smaller) => found = smaller,
            None => index += 1,
        }
    }
    found
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = &self.case.model;
        writeln!(
            f,
            "seed {}: the forms of this package disagree",
            self.case.seed
        )?;
        for (id, policy) in model.policies_with_ids() {
            let subject = model.selector(policy.subject).map(|one| &one.expr);
            writeln!(
                f,
                "policy {} for {subject:?}: tier {}, priority {}, {:?}, ingress {:?}, egress {:?}",
                policy.name,
                policy.tier.name(),
                policy.priority,
                policy.enforcement,
                policy.ingress,
                policy.egress
            )?;
            for rule in model.rules.iter().filter(|rule| rule.policy == id) {
                let peer = model.selector(rule.peer).map(|one| &one.expr);
                writeln!(
                    f,
                    "  {}: {:?} {peer:?} on {}",
                    rule.direction, rule.action, rule.l4
                )?;
            }
        }
        match self.probe.subject {
            Subject::Endpoint(endpoint) => {
                let endpoint = self.case.inventory.endpoints.get(endpoint);
                writeln!(f, "endpoint {endpoint:?}")?;
            }
            Subject::Node => writeln!(f, "the node")?,
        }
        writeln!(f, "peer {:?}", self.case.peer(self.probe.remote))?;
        writeln!(f, "packet {:?}", self.probe)?;
        writeln!(f, "reference  {:?}", self.answers.reference)?;
        writeln!(f, "plan       {:?}", self.answers.plan)?;
        write!(f, "bytecode   {:?}", self.answers.bytecode)
    }
}
