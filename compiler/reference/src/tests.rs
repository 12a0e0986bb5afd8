use polc_model::{
    Action, Direction, HostAccess, Isolation, L4Match, L4Term, Labels, Model, Origin, Policy,
    PolicyId, PortProtocol, PortRange, Selector, SelectorExpr, SelectorId,
};

use super::*;

/// A Model with one selector, `all`, one policy per entry and one rule in each.
struct Builder(Model);

impl Builder {
    fn new() -> Self {
        let all = Selector {
            expr: SelectorExpr::ALL,
            text: "all".to_owned(),
        };
        Self(Model {
            files: vec!["a.pol".to_owned()],
            selectors: vec![all],
            ..Model::default()
        })
    }

    fn policy(mut self, tier: Tier, priority: u32, action: Option<Action>) -> Self {
        let name = format!("policy_{}", self.0.policies.len());
        let isolation = if tier == Tier::Normal {
            Isolation::Isolates
        } else {
            Isolation::DefaultAllow
        };
        let id = PolicyId::new(self.0.policies.len());
        self.0.policies.push(Policy {
            name,
            subject: SelectorId::new(0),
            tier,
            priority,
            enforcement: Enforcement::Enforce,
            ingress: Some(isolation),
            egress: None,
            doc: None,
            origin: Origin::default(),
        });
        if let Some(action) = action {
            self.0.rules.push(Rule {
                policy: id,
                direction: Direction::Ingress,
                action,
                peer: SelectorId::new(0),
                l4: L4Match::Of(vec![L4Term::Ports {
                    protocol: PortProtocol::Tcp,
                    ports: PortRange {
                        first: 80,
                        last: 90,
                    },
                }]),
                l7: None,
                origin: Origin::default(),
            });
        }
        self
    }

    fn judge(&self, port: u16) -> Decision {
        polc_model::validate::validate(&self.0).unwrap();
        let labels = Labels::new();
        let endpoint = |name| Party {
            name,
            facts: PeerFacts {
                kind: PeerKind::Endpoint,
                is_kube_apiserver: false,
                namespace: None,
                labels: &labels,
                namespace_labels: &labels,
                names: &[],
                ports: &polc_model::l4::NO_PORTS,
                network: None,
            },
        };
        let l4 = L4Packet::Port(PortProtocol::Tcp, port);
        judge(
            &self.0,
            Direction::Ingress,
            &endpoint("subject"),
            &endpoint("peer"),
            l4,
        )
    }
}

fn by_rule(verdict: Verdict, rule: usize) -> Decision {
    Decision {
        verdict,
        decider: Decider::Rule(RuleId::new(rule)),
    }
}

#[test]
fn without_policies_everything_is_allowed() {
    assert_eq!(Builder::new().judge(80), allow(Decider::NoPolicy));
}

#[test]
fn a_policy_without_rules_isolates() {
    let decision = Builder::new().policy(Tier::Normal, 0, None).judge(80);
    assert_eq!(decision.decider, Decider::Isolation(PolicyId::new(0)));
    assert_eq!(decision.verdict, Verdict::Deny);
}

#[test]
fn ranges_include_both_ends() {
    let model = Builder::new().policy(Tier::Normal, 0, Some(Action::Allow));
    let verdicts: Vec<_> = [79, 80, 90, 91]
        .map(|port| model.judge(port).verdict)
        .to_vec();
    assert_eq!(
        verdicts,
        [Verdict::Deny, Verdict::Allow, Verdict::Allow, Verdict::Deny]
    );
}

#[test]
fn at_one_priority_deny_beats_allow_and_allow_beats_pass() {
    let model = Builder::new()
        .policy(Tier::Admin, 1, Some(Action::Pass))
        .policy(Tier::Admin, 1, Some(Action::Allow))
        .policy(Tier::Admin, 1, Some(Action::Deny));
    assert_eq!(model.judge(80), by_rule(Verdict::Deny, 2));
    let model = Builder::new()
        .policy(Tier::Admin, 1, Some(Action::Pass))
        .policy(Tier::Admin, 1, Some(Action::Allow));
    assert_eq!(model.judge(80), by_rule(Verdict::Allow, 1));
}

#[test]
fn a_lower_priority_number_is_asked_first() {
    let model = Builder::new()
        .policy(Tier::Admin, 2, Some(Action::Deny))
        .policy(Tier::Admin, 1, Some(Action::Allow));
    assert_eq!(model.judge(80), by_rule(Verdict::Allow, 1));
}

#[test]
fn pass_in_the_normal_tier_reaches_the_baseline_past_isolation() {
    let model = Builder::new()
        .policy(Tier::Normal, 0, Some(Action::Pass))
        .policy(Tier::Baseline, 0, Some(Action::Deny));
    assert_eq!(model.judge(80), by_rule(Verdict::Deny, 1));
    assert_eq!(
        model.judge(70).decider,
        Decider::Isolation(PolicyId::new(0))
    );
}

#[test]
fn the_baseline_never_speaks_for_isolated_endpoints() {
    let model =
        Builder::new()
            .policy(Tier::Normal, 0, None)
            .policy(Tier::Baseline, 0, Some(Action::Allow));
    assert_eq!(
        model.judge(80).decider,
        Decider::Isolation(PolicyId::new(0))
    );
}

#[test]
fn an_audited_policy_decides_nothing() {
    let mut model = Builder::new().policy(Tier::Normal, 0, Some(Action::Deny));
    model.0.policies[0].enforcement = Enforcement::Audit;
    assert_eq!(model.judge(80), allow(Decider::NoPolicy));
}

#[test]
fn the_own_node_reaches_its_endpoints_unless_restricted() {
    let mut model = Builder::new().policy(Tier::Admin, 0, Some(Action::Deny)).0;
    let labels = Labels::new();
    let facts = |kind| PeerFacts {
        kind,
        is_kube_apiserver: false,
        namespace: None,
        labels: &labels,
        namespace_labels: &labels,
        names: &[],
        ports: &polc_model::l4::NO_PORTS,
        network: None,
    };
    let endpoint = Party {
        name: "a",
        facts: facts(PeerKind::Endpoint),
    };
    let host = Party {
        name: "node",
        facts: facts(PeerKind::Host),
    };
    let l4 = L4Packet::Port(PortProtocol::Tcp, 80);
    let flow = judge_flow(&model, &host, &endpoint, l4);
    assert_eq!(flow.ingress, Some(allow(Decider::OwnNode)));
    assert_eq!(flow.egress, None);
    model.host_access = HostAccess::Restricted;
    assert_eq!(
        judge_flow(&model, &host, &endpoint, l4).verdict(),
        Verdict::Deny
    );
}
