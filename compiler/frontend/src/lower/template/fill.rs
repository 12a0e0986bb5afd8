//! Putting text and numbers into a copy of a template.
//!
//! Inside quotes, `{app}` stands for the text of the parameter `app`. Where a label's value or a
//! number is written without quotes, a parameter's name stands for its text or number.

use std::collections::BTreeMap;

use polc_syntax::ast::{
    Apply, ArgumentValue, HttpExpr, HttpField, HttpTerm, HttpTest, Item, L4Expr, L4Term, L7Expr,
    LabelSet, LabelTest, Name, NamespaceExpr, PeerExpr, Policy, Request, Service,
};

use super::arguments::Bound;
use crate::types::Value;

/// The texts and numbers of an application, and the words in braces that stand for none.
pub(super) struct Filling {
    words: BTreeMap<String, String>,
    /// Words in braces, in quotes, that no parameter has.
    pub(super) unknown: Vec<Name>,
}

impl Filling {
    pub(super) fn new(bound: &Bound) -> Self {
        let words = bound.iter().filter_map(|(name, definition)| {
            let word = match &definition.value {
                Some(Value::Text(text)) => text.clone(),
                Some(Value::Number(number)) => number.clone(),
                _ => return None,
            };
            Some((name.clone(), word))
        });
        Self {
            words: words.collect(),
            unknown: Vec::new(),
        }
    }

    pub(super) fn item(&mut self, item: &mut Item) {
        match item {
            Item::Endpoints(item) | Item::Cidr(item) | Item::Dns(item) | Item::Entity(item) => {
                self.maybe_peers(&mut item.value);
            }
            Item::Ports(item) => self.maybe_l4(&mut item.value),
            Item::Http(item) => {
                if let Some(value) = &mut item.value {
                    self.http(value);
                }
            }
            Item::Policy(policy) => self.policy(policy),
            Item::Service(service) => self.service(service),
            Item::Apply(apply) => self.apply(apply),
            Item::Package(_)
            | Item::HostAccess(_)
            | Item::Labels(_)
            | Item::Lint(_)
            | Item::Test(_)
            | Item::Assertion(_)
            | Item::Use(_)
            | Item::Template(_) => {}
        }
    }

    fn policy(&mut self, policy: &mut Policy) {
        self.quoted(&mut policy.name);
        self.maybe_peers(&mut policy.subject);
        for block in &mut policy.blocks {
            for rule in &mut block.rules {
                self.maybe_peers(&mut rule.peers);
                self.maybe_l4(&mut rule.l4);
                match &mut rule.l7 {
                    Some(L7Expr::Only {
                        requests: Some(requests),
                        ..
                    }) => self.http(requests),
                    Some(L7Expr::Sni { names, .. } | L7Expr::Dns { names, .. }) => {
                        names.iter_mut().for_each(|name| self.quoted(name));
                    }
                    _ => {}
                }
            }
        }
    }

    fn service(&mut self, service: &mut Service) {
        self.quoted(&mut service.name);
        service
            .backends
            .iter_mut()
            .for_each(|peers| self.peers(peers));
    }

    fn apply(&mut self, apply: &mut Apply) {
        for argument in &mut apply.arguments {
            match &mut argument.value {
                ArgumentValue::Peers(peers) => self.peers(peers),
                ArgumentValue::Ports(l4) => self.l4(l4),
                ArgumentValue::Http(http) => self.http(http),
                ArgumentValue::Number(_) | ArgumentValue::Missing => {}
            }
        }
    }

    fn maybe_peers(&mut self, peers: &mut Option<PeerExpr>) {
        if let Some(peers) = peers {
            self.peers(peers);
        }
    }

    fn peers(&mut self, peers: &mut PeerExpr) {
        match peers {
            PeerExpr::Labels(set) | PeerExpr::NamespaceLabels(set) | PeerExpr::NodeLabels(set) => {
                self.labels(set)
            }
            PeerExpr::Dns(text) => self.quoted(text),
            PeerExpr::In {
                base, namespaces, ..
            } => {
                self.peers(base);
                for namespace in namespaces {
                    match namespace {
                        NamespaceExpr::Name(name) => self.quoted(name),
                        NamespaceExpr::Labels(set) => self.labels(set),
                    }
                }
            }
            PeerExpr::Union { parts, .. } => parts.iter_mut().for_each(|part| self.peers(part)),
            PeerExpr::Chain { first, rest, .. } => {
                self.peers(first);
                rest.iter_mut().for_each(|(_, part)| self.peers(part));
            }
            PeerExpr::Address(_) | PeerExpr::Name(_) | PeerExpr::Missing(_) => {}
        }
    }

    fn labels(&mut self, set: &mut LabelSet) {
        for condition in &mut set.conditions {
            self.quoted(&mut condition.key);
            match &mut condition.test {
                LabelTest::Is(value) | LabelTest::IsNot(value) => self.value(value),
                LabelTest::In(values) | LabelTest::NotIn(values) => {
                    values.iter_mut().for_each(|value| self.value(value));
                }
                LabelTest::Exists | LabelTest::Absent | LabelTest::Missing => {}
            }
        }
    }

    fn maybe_l4(&mut self, l4: &mut Option<L4Expr>) {
        if let Some(l4) = l4 {
            self.l4(l4);
        }
    }

    fn l4(&mut self, l4: &mut L4Expr) {
        for term in &mut l4.terms {
            match term {
                L4Term::Ports {
                    ports: Some(ports), ..
                } => {
                    self.word(&mut ports.first);
                    if let Some(last) = &mut ports.last {
                        self.word(last);
                    }
                }
                L4Term::NamedPort { name, .. } => self.quoted(name),
                _ => {}
            }
        }
    }

    fn http(&mut self, http: &mut HttpExpr) {
        for term in &mut http.terms {
            if let HttpTerm::Requests(requests, _) = term {
                requests
                    .iter_mut()
                    .for_each(|request| self.request(request));
            }
        }
    }

    fn request(&mut self, request: &mut Request) {
        if let Some(path) = &mut request.path {
            // A capture has a type, so `{app}` alone is a parameter.
            path.text = self.filled(&path.text);
        }
        for condition in &mut request.conditions {
            match &mut condition.field {
                Some(HttpField::Header(name) | HttpField::Query(name)) => self.quoted(name),
                Some(HttpField::Host | HttpField::Capture(_)) | None => {}
            }
            match &mut condition.test {
                Some(HttpTest::Equals(value) | HttpTest::Matches(value)) => self.quoted(value),
                None => {}
            }
        }
    }

    /// A label's value: quoted, or perhaps a parameter.
    fn value(&mut self, value: &mut Name) {
        if value.is_quoted() {
            self.quoted(value);
        } else {
            self.word(value);
        }
    }

    /// A word that is a parameter's name.
    fn word(&self, name: &mut Name) {
        if let Some(word) = self.words.get(&name.text) {
            name.text.clone_from(word);
        }
    }

    fn quoted(&mut self, name: &mut Name) {
        if !name.is_quoted() || !name.text.contains('{') {
            return;
        }
        let filled = self.filled(&name.text);
        if let Some(unknown) = unknown(&filled, name) {
            self.unknown.push(unknown);
        }
        name.text = filled;
    }

    /// The text with each parameter in braces replaced.
    fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((word, behind)) if self.words.contains_key(word) => {
                    filled.push_str(self.words.get(word).map_or("", String::as_str));
                    rest = behind;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// The first word in braces that is left.
fn unknown(filled: &str, name: &Name) -> Option<Name> {
    filled.split('{').skip(1).find_map(|part| {
        let (word, _) = part.split_once('}')?;
        let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_word.then(|| Name {
            text: word.to_owned(),
            span: name.span,
        })
    })
}
