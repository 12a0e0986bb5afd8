//! Requests and names, as Cilium says them: with regular expressions.

use polc_model::{HttpCondition, HttpField, HttpMatch, HttpTest, PathSegment};

use super::yaml::{self, Mapping, Value, mapping, set};

/// `matchName` or `matchPattern`.
pub(super) fn name(name: &str) -> Mapping {
    let key = if name.contains('*') {
        "matchPattern"
    } else {
        "matchName"
    };
    mapping([(key, pattern(name).into())])
}

/// Names and patterns in one list.
pub(super) fn patterns(names: &[String]) -> Vec<String> {
    names.iter().map(|name| pattern(name).to_owned()).collect()
}

/// Every name is `*` alone.
fn pattern(name: &str) -> &str {
    if name == "**" { "*" } else { name }
}

/// The items of `http`.
pub(super) fn http(all: &[HttpMatch]) -> Result<Vec<Value>, String> {
    all.iter()
        .map(|one| request(one).map(Value::Mapping))
        .collect()
}

fn request(request: &HttpMatch) -> Result<Mapping, String> {
    let mut said = Mapping::new();
    let mut headers = Vec::new();
    let mut values = Vec::new();
    if let Some(method) = &request.method {
        set(&mut said, "method", method.as_str());
    }
    if request.path != [PathSegment::Rest] {
        set(&mut said, "path", path(&request.path)?);
    }
    for HttpCondition { field, test } in &request.conditions {
        let key = match field {
            HttpField::Method => "method",
            HttpField::Path => "path",
            HttpField::Host => "host",
            HttpField::Header(name) => {
                match test {
                    HttpTest::Present => headers.push(name.clone()),
                    HttpTest::Equals(value) => {
                        let said = [
                            ("name", name.as_str().into()),
                            ("value", value.as_str().into()),
                        ];
                        values.push(Value::Mapping(mapping(said)));
                    }
                    HttpTest::Matches(_) => {
                        return Err(
                            "headers are compared as they are, without expressions".to_owned()
                        );
                    }
                }
                continue;
            }
            HttpField::Query(name) => {
                return Err(format!("no condition on the parameter `{name}` of a query"));
            }
            HttpField::Capture(name) => {
                return Err(format!("no condition on the part `{name}` of a path"));
            }
        };
        if said.contains_key(key) {
            return Err(format!("two conditions on the {key} of a request"));
        }
        match test {
            HttpTest::Matches(pattern) => set(&mut said, key, pattern.as_str()),
            HttpTest::Equals(text) => set(&mut said, key, escaped(text)),
            HttpTest::Present => {}
        }
    }
    if !headers.is_empty() {
        set(&mut said, "headers", yaml::texts(&headers));
    }
    if !values.is_empty() {
        set(&mut said, "headerMatches", values);
    }
    Ok(said)
}

/// A path that is just one.
fn path(segments: &[PathSegment]) -> Result<String, String> {
    if segments.is_empty() {
        return Ok("/".to_owned());
    }
    let mut path = String::new();
    for segment in segments {
        match segment {
            PathSegment::Literal(text) if !text.is_empty() => {
                path.push('/');
                path.push_str(&escaped(text));
            }
            _ => {
                return Err(
                    "patterns of paths are expressions there: write `when path ~ \"…\"`".to_owned(),
                );
            }
        }
    }
    Ok(path)
}

/// An expression that matches a text alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$#".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
