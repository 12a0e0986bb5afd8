//! Small packages, written down without the front end.

use polc_model::{
    Action, Direction, Enforcement, HostAccess, Isolation, L4Match, L4Term, LabelOperator, Model,
    Origin, Policy, PolicyId, PortProtocol, PortRange, Rule, Selector, SelectorExpr, SelectorId,
    Tier,
};

/// A package in the making. Policies must be added in order of name.
pub(crate) struct Package {
    model: Model,
}

impl Package {
    pub(crate) fn new() -> Self {
        Self {
            model: Model {
                package: "shop".to_owned(),
                files: vec!["shop.pol".to_owned()],
                ..Model::default()
            },
        }
    }

    /// Begins a policy for endpoints with `app=NAME`; rules that follow are its.
    pub(crate) fn policy(self, name: &str, app: &str, isolates: &[Direction]) -> Self {
        self.policy_for(name, labelled(app), isolates)
    }

    /// As [`Self::policy`], for other endpoints.
    pub(crate) fn policy_for(
        mut self,
        name: &str,
        subject: SelectorExpr,
        isolates: &[Direction],
    ) -> Self {
        let subject = self.selector(subject);
        let covers = |direction| isolates.contains(&direction).then_some(Isolation::Isolates);
        let origin = self.origin(format!("policy {name}"));
        self.model.policies.push(Policy {
            name: name.to_owned(),
            subject,
            tier: Tier::Normal,
            priority: 1000,
            enforcement: Enforcement::Enforce,
            ingress: covers(Direction::Ingress),
            egress: covers(Direction::Egress),
            doc: None,
            origin,
        });
        self
    }

    /// The policy that was begun last only reports.
    pub(crate) fn audited(mut self) -> Self {
        if let Some(policy) = self.model.policies.last_mut() {
            policy.enforcement = Enforcement::Audit;
        }
        self
    }

    /// Allows the policy's endpoints to talk with a peer.
    pub(crate) fn allow(self, direction: Direction, peer: SelectorExpr, l4: L4Match) -> Self {
        let text = format!("allow {direction} {l4}");
        self.rule(Action::Allow, text, direction, peer, l4)
    }

    /// Rejects what the policy's endpoints have with a peer.
    pub(crate) fn reject(self, direction: Direction, peer: SelectorExpr, l4: L4Match) -> Self {
        let text = format!("reject {direction} {l4}");
        self.rule(Action::Reject, text, direction, peer, l4)
    }

    fn rule(
        mut self,
        action: Action,
        text: String,
        direction: Direction,
        peer: SelectorExpr,
        l4: L4Match,
    ) -> Self {
        let peer = self.selector(peer);
        let policy = PolicyId::new(self.model.policies.len() - 1);
        let origin = self.origin(text);
        self.model.rules.push(Rule {
            policy,
            direction,
            action,
            peer,
            l4,
            l7: None,
            origin,
        });
        self
    }

    /// The node is a peer like any other.
    pub(crate) fn restrict_host_access(mut self) -> Self {
        self.model.host_access = HostAccess::Restricted;
        self
    }

    pub(crate) fn compile(self) -> Vec<u8> {
        polc_bundle::Bundle::compile(self.model, [])
            .unwrap()
            .encode()
            .unwrap()
    }

    fn selector(&mut self, expr: SelectorExpr) -> SelectorId {
        let known = self.model.selectors.iter().position(|one| one.expr == expr);
        let index = known.unwrap_or_else(|| {
            self.model.selectors.push(Selector {
                text: format!("{expr:?}"),
                expr,
            });
            self.model.selectors.len() - 1
        });
        SelectorId::new(index)
    }

    fn origin(&self, text: String) -> Origin {
        Origin {
            line: (self.model.policies.len() + self.model.rules.len() + 1) as u32,
            column: 1,
            text,
            ..Origin::default()
        }
    }
}

pub(crate) fn labelled(app: &str) -> SelectorExpr {
    SelectorExpr::Label {
        key: "app".to_owned(),
        operator: LabelOperator::In(vec![app.to_owned()]),
    }
}

pub(crate) fn cidr(block: &str) -> SelectorExpr {
    SelectorExpr::Cidr(block.parse().unwrap())
}

pub(crate) fn tcp(port: u16) -> L4Match {
    ports(PortProtocol::Tcp, port)
}

pub(crate) fn udp(port: u16) -> L4Match {
    ports(PortProtocol::Udp, port)
}

pub(crate) fn icmp() -> L4Match {
    L4Match::Of(vec![
        L4Term::Icmp {
            family: polc_model::IcmpFamily::V4,
            kind: Some(8),
            code: None,
        },
        L4Term::Icmp {
            family: polc_model::IcmpFamily::V6,
            kind: Some(128),
            code: None,
        },
    ])
}

fn ports(protocol: PortProtocol, port: u16) -> L4Match {
    L4Match::Of(vec![L4Term::Ports {
        protocol,
        ports: PortRange::single(port),
    }])
}
