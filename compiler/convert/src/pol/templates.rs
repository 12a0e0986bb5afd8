//! Policies that differ in texts alone are one template, applied several times.
//!
//! A policy in words is literal text between texts in quotes. Policies with the same literal text are
//! instances of one template; the texts that are not the same in all of them are its parameters. A
//! text that is made of another one, such as the name `allow-web` beside the label `web`, is no
//! parameter of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use polc_model::PolicyId;

use super::{
    policy::Written,
    words::{self, Names},
};

/// Fewer policies are as quickly read one by one.
const LEAST: usize = 3;
/// With more parameters, the template says less than the policies.
const MOST_PARAMETERS: usize = 4;

/// A template and its applications.
pub(super) struct Template {
    name: String,
    parameters: Vec<String>,
    /// The policy, with the parameters in braces.
    body: String,
    /// The arguments of each application, and the comments of the policy that it stands for.
    applications: Vec<(Vec<String>, Vec<String>)>,
}

impl Template {
    pub(super) fn write(&self, text: &mut String) {
        let parameters = self.parameters.iter();
        let parameters: Vec<String> = parameters.map(|name| format!("{name}: string")).collect();
        let (name, body) = (&self.name, &self.body);
        let _ = writeln!(
            text,
            "template {name}({}) {{\n{body}}}\n",
            parameters.join(", ")
        );
        for (arguments, comments) in &self.applications {
            for comment in comments {
                let _ = writeln!(text, "// {comment}");
            }
            let arguments: Vec<String> = arguments.iter().map(|one| format!("\"{one}\"")).collect();
            let _ = writeln!(text, "apply {name}({})", arguments.join(", "));
        }
        text.push('\n');
    }
}

/// The templates, in order of their first policy, and the policies that are of none.
pub(super) fn find(policies: &[Written], names: &mut Names) -> (Vec<Template>, Vec<PolicyId>) {
    let mut groups: BTreeMap<Vec<&str>, Vec<(&Written, Vec<&str>)>> = BTreeMap::new();
    for policy in policies {
        let (literals, texts) = split(&policy.text);
        // Braces in a text would stand for a parameter.
        if !texts.iter().any(|text| text.contains('{')) {
            groups.entry(literals).or_default().push((policy, texts));
        }
    }
    let mut groups: Vec<_> = groups
        .into_iter()
        .filter(|(_, of)| of.len() >= LEAST)
        .collect();
    groups.sort_by_key(|(_, of)| of.first().map(|(policy, _)| policy.id));
    let mut templates = Vec::new();
    let mut taken = BTreeSet::new();
    for (literals, of) in groups {
        if let Some(template) = template(&literals, &of, names) {
            templates.push(template);
            taken.extend(of.iter().map(|(policy, _)| policy.id));
        }
    }
    let alone = policies.iter().map(|policy| policy.id);
    let alone = alone.filter(|id| !taken.contains(id)).collect();
    (templates, alone)
}

/// Text outside quotes and inside them, in turns. The parts of a policy's name around a `/` are texts
/// of their own.
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut literals, mut texts) = (Vec::new(), Vec::new());
    for (position, part) in text.split('"').enumerate() {
        if position % 2 == 0 {
            literals.push(part);
            continue;
        }
        let is_name = literals
            .last()
            .is_some_and(|before| before.ends_with("policy "));
        match part.split_once('/') {
            Some((namespace, name)) if is_name => {
                texts.extend([namespace, name]);
                literals.push("/");
            }
            _ => texts.push(part),
        }
    }
    (literals, texts)
}

fn template(
    literals: &[&str],
    of: &[(&Written, Vec<&str>)],
    names: &mut Names,
) -> Option<Template> {
    let columns: Vec<Vec<&str>> = (0..literals.len().saturating_sub(1))
        .map(|position| {
            of.iter()
                .filter_map(|(_, texts)| texts.get(position).copied())
                .collect()
        })
        .collect();
    // What texts are made of: those of names last, which are made of others.
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&position| is_of_name(literals, position));
    let mut parameters: Vec<(String, &[&str])> = Vec::new();
    let mut filled: Vec<Option<String>> = vec![None; columns.len()];
    for position in order {
        let column = columns.get(position)?;
        let text = match made_of(column, &parameters) {
            Some(text) => text,
            None => {
                let name = parameter(literals, position, &parameters);
                let text = format!("{{{name}}}");
                parameters.push((name, column));
                text
            }
        };
        *filled.get_mut(position)? = Some(text);
    }
    // Without a parameter the policies would have the same name.
    if parameters.is_empty() || parameters.len() > MOST_PARAMETERS {
        return None;
    }
    let mut body = String::new();
    let is_slash = |position: usize| literals.get(position) == Some(&"/");
    for (position, literal) in literals.iter().enumerate() {
        body.push_str(literal);
        let Some(Some(text)) = filled.get(position) else {
            continue;
        };
        let whole = parameters
            .iter()
            .find(|(name, _)| *text == format!("{{{name}}}"));
        match whole {
            // A label's value is the parameter itself.
            Some((name, _)) if literal.ends_with(": ") => body.push_str(name),
            _ => {
                body.push_str(if is_slash(position) { "" } else { "\"" });
                body.push_str(text);
                body.push_str(if is_slash(position + 1) { "" } else { "\"" });
            }
        }
    }
    let applications = (0..of.len()).filter_map(|index| {
        let arguments = parameters.iter().map(|(_, column)| column.get(index));
        let arguments: Option<Vec<&&str>> = arguments.collect();
        let comments = of.get(index).map(|(policy, _)| policy.comments.clone())?;
        Some((
            arguments?
                .into_iter()
                .map(|one| (*one).to_owned())
                .collect(),
            comments,
        ))
    });
    let named = (0..literals.len()).rfind(|&position| is_of_name(literals, position));
    let wished = named.and_then(|position| filled.get(position)?.as_deref());
    Some(Template {
        name: names.give(wished.unwrap_or_default()),
        applications: applications.collect(),
        parameters: parameters.into_iter().map(|(name, _)| name).collect(),
        body,
    })
}

/// Whether the text at a position is a part of the policy's name.
fn is_of_name(literals: &[&str], position: usize) -> bool {
    let before = |position: usize| literals.get(position).copied().unwrap_or_default();
    before(position).ends_with("policy ") || before(position) == "/"
}

/// How a column of texts is said with the parameters there are. `None` where it takes another one.
fn made_of(column: &[&str], parameters: &[(String, &[&str])]) -> Option<String> {
    let (&first, rest) = column.split_first()?;
    if rest.iter().all(|text| *text == first) {
        return Some(first.to_owned());
    }
    parameters.iter().find_map(|(name, values)| {
        let (start, end) = first.split_once(values.first()?)?;
        let mut all = column.iter().zip(values.iter());
        let is_made = all.all(|(text, value)| **text == format!("{start}{value}{end}"));
        is_made.then(|| format!("{start}{{{name}}}{end}"))
    })
}

/// A name for a new parameter: what the text is the value of.
fn parameter(literals: &[&str], position: usize, known: &[(String, &[&str])]) -> String {
    let before = literals.get(position).copied().unwrap_or_default();
    let wished = if is_of_name(literals, position) {
        let is_namespace = literals.get(position + 1) == Some(&"/");
        if is_namespace { "namespace" } else { "name" }.to_owned()
    } else if before.ends_with("namespace ") {
        "namespace".to_owned()
    } else {
        let key = before.trim_end().trim_end_matches([':', '=', '!', ' ']);
        let key = key
            .rsplit([' ', '{', ',', '/', '\n'])
            .next()
            .unwrap_or_default();
        words::word(key, "text")
    };
    let mut name = wished.clone();
    let mut number = 2;
    while known.iter().any(|(known, _)| *known == name) {
        name = format!("{wished}_{number}");
        number += 1;
    }
    name
}
