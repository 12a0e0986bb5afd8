//! Assertions.

use pest::iterators::Pair;

use super::{Builder, Rule, child, policy::without_rest};
use crate::ast::{Assertion, Claim, PeerExpr};

impl Builder<'_> {
    pub(super) fn assertion(&mut self, pair: &Pair<'_, Rule>) -> Assertion {
        let only = child(pair, Rule::only_sources);
        let claim = if only.is_some() {
            Some(Claim::Only)
        } else if child(pair, Rule::kw_cannot).is_some() {
            Some(Claim::Cannot)
        } else {
            child(pair, Rule::kw_can).map(|_| Claim::Can)
        };
        let inner = pair.clone().into_inner();
        let mut own =
            inner.filter(|inner| matches!(inner.as_rule(), Rule::peers | Rule::missing_peers));
        let sources = match only {
            Some(only) => {
                let group = child(&only, Rule::only_group);
                self.peers_in(&group.unwrap_or(only))
            }
            None => own.next().and_then(|peers| self.peers_of(&peers)),
        };
        Assertion {
            claim,
            sources,
            destinations: own.next().and_then(|peers| self.peers_of(&peers)),
            l4: child(pair, Rule::l4).map(|l4| super::l4::expr(&l4)),
            span: without_rest(pair),
        }
    }

    fn peers_in(&mut self, pair: &Pair<'_, Rule>) -> Option<PeerExpr> {
        child(pair, Rule::peers).map(|peers| self.peers(&peers))
    }

    fn peers_of(&mut self, pair: &Pair<'_, Rule>) -> Option<PeerExpr> {
        (pair.as_rule() == Rule::peers).then(|| self.peers(pair))
    }
}
