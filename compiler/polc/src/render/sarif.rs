//! Diagnostics as SARIF 2.1.0, for code scanning.

use polc_diagnostics::{Code, Diagnostic, Label, Place, Severity};
use serde_json::{Value, json};

use crate::package::LoadedPackage;

/// The log of all packages.
pub(super) fn write(text: &mut Vec<u8>, packages: &[LoadedPackage]) {
    let results: Vec<Value> = packages
        .iter()
        .flat_map(|package| package.diagnostics().iter().map(|one| result(package, one)))
        .collect();
    let rules: Vec<Value> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.to_string(),
                "shortDescription": { "text": code.summary() },
                "defaultConfiguration": { "level": level(code.severity()) },
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "polc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    super::json::write(text, &log);
}

fn result(package: &LoadedPackage, diagnostic: &Diagnostic) -> Value {
    let rule_index = Code::ALL.iter().position(|code| *code == diagnostic.code);
    let mut message = diagnostic.headline.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    for note in &diagnostic.notes {
        message.push_str(&format!("\nnote: {note}"));
    }
    let mut result = json!({
        "ruleId": diagnostic.code.to_string(),
        "ruleIndex": rule_index,
        "level": level(diagnostic.severity),
        "message": { "text": message },
        "locations": [location(package, &diagnostic.primary)],
    });
    let related: Vec<Value> = diagnostic
        .secondary
        .iter()
        .map(|label| location(package, label))
        .collect();
    if let Value::Object(fields) = &mut result {
        if !related.is_empty() {
            fields.insert("relatedLocations".to_owned(), related.into());
        }
        if let Some(fix) = &diagnostic.fix {
            let change = json!({
                "artifactLocation": { "uri": uri(package, &fix.place) },
                "replacements": [{
                    "deletedRegion": region(package, &fix.place),
                    "insertedContent": { "text": fix.replacement },
                }],
            });
            fields.insert("fixes".to_owned(), json!([{ "artifactChanges": [change] }]));
        }
    }
    result
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn location(package: &LoadedPackage, label: &Label) -> Value {
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(package, &label.place) },
        "region": region(package, &label.place),
    }});
    if let (false, Value::Object(fields)) = (label.message.is_empty(), &mut location) {
        fields.insert("message".to_owned(), json!({ "text": label.message }));
    }
    location
}

fn region(package: &LoadedPackage, place: &Place) -> Value {
    let (line, column) = package.position_at(&place.file, place.range.start);
    let (end_line, end_column) = package.position_at(&place.file, place.range.end);
    json!({
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
    })
}

/// A relative reference with what URIs do not take escaped.
fn uri(package: &LoadedPackage, place: &Place) -> String {
    let path = package.display_path(&place.file).replace('\\', "/");
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
