//! Reading Model and Plan element by element, so that a change costs what it changes.
//!
//! Both are structures of a few arrays, and most elements of a changed package are those of the package
//! before, byte for byte. Such an element is cloned; any other is parsed, and written again to see
//! that it is written as there is one way to write it. What stands between elements is compared. So what
//! is read is what the whole text, parsed and written again, would be.

use std::io::{self, Write};

use polc_model::Model;
use polc_plan::Plan;
use serde::{Serialize, de::DeserializeOwned};

/// The elements' ends of one array, in bytes of the text.
#[derive(Clone, Debug, Default)]
struct Ends {
    /// Where the first element begins.
    begin: usize,
    ends: Vec<usize>,
}

/// Where the elements of a [`Model`] end in its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelEnds {
    files: Ends,
    selectors: Ends,
    policies: Ends,
    rules: Ends,
    services: Ends,
    tests: Ends,
    assertions: Ends,
}

/// Where the elements of a [`Plan`] end in its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanEnds {
    classes: Ends,
}

/// What was read before: a value, its text, and where elements end in it.
pub(crate) struct Before<'a, T, E> {
    pub(crate) value: &'a T,
    pub(crate) text: &'a [u8],
    pub(crate) ends: &'a E,
}

/// Reads a Model. `None` where the text is not how a Model is written.
pub(crate) fn model(
    text: &str,
    before: Option<Before<'_, Model, ModelEnds>>,
) -> Option<(Model, ModelEnds)> {
    let mut text = Cursor::new(text);
    text.skip(r#"{"package":"#)?;
    let package = text.value()?;
    text.skip(r#","host_access":"#)?;
    let host_access = text.value()?;
    text.skip(r#","files":"#)?;
    let files = text.array(
        before
            .as_ref()
            .map(|old| old.list(&old.value.files, &old.ends.files)),
    )?;
    text.skip(r#","selectors":"#)?;
    let selectors = text.array(
        before
            .as_ref()
            .map(|old| old.list(&old.value.selectors, &old.ends.selectors)),
    )?;
    text.skip(r#","policies":"#)?;
    let policies = text.array(
        before
            .as_ref()
            .map(|old| old.list(&old.value.policies, &old.ends.policies)),
    )?;
    text.skip(r#","rules":"#)?;
    let rules = text.array(
        before
            .as_ref()
            .map(|old| old.list(&old.value.rules, &old.ends.rules)),
    )?;
    let services = text.optional(
        r#","services":"#,
        before
            .as_ref()
            .map(|old| old.list(&old.value.services, &old.ends.services)),
    )?;
    text.skip(r#","tests":"#)?;
    let tests = text.array(
        before
            .as_ref()
            .map(|old| old.list(&old.value.tests, &old.ends.tests)),
    )?;
    let assertions = text.optional(
        r#","assertions":"#,
        before
            .as_ref()
            .map(|old| old.list(&old.value.assertions, &old.ends.assertions)),
    )?;
    text.end()?;
    let model = Model {
        package,
        host_access,
        files: files.0,
        selectors: selectors.0,
        policies: policies.0,
        rules: rules.0,
        services: services.0,
        tests: tests.0,
        assertions: assertions.0,
    };
    let ends = ModelEnds {
        files: files.1,
        selectors: selectors.1,
        policies: policies.1,
        rules: rules.1,
        services: services.1,
        tests: tests.1,
        assertions: assertions.1,
    };
    Some((model, ends))
}

/// Reads a Plan. `None` where the text is not how a Plan is written.
pub(crate) fn plan(
    text: &str,
    before: Option<Before<'_, Plan, PlanEnds>>,
) -> Option<(Plan, PlanEnds)> {
    let mut text = Cursor::new(text);
    text.skip(r#"{"classes":"#)?;
    let before = before.map(|old| old.list(&old.value.classes, &old.ends.classes));
    let (classes, ends) = text.array(before)?;
    text.end()?;
    Some((Plan { classes }, PlanEnds { classes: ends }))
}

/// Whether a value is written like this, and as nothing else.
pub(crate) fn is_written_as(value: &impl Serialize, text: &[u8]) -> bool {
    let mut rest = Expected(text);
    serde_json::to_writer(&mut rest, value).is_ok() && rest.0.is_empty()
}

impl<'a, T, E> Before<'a, T, E> {
    const fn list<V>(&self, values: &'a [V], ends: &'a Ends) -> List<'a, V> {
        List {
            values,
            ends,
            text: self.text,
        }
    }
}

/// An array that was read before.
struct List<'a, V> {
    values: &'a [V],
    ends: &'a Ends,
    text: &'a [u8],
}

/// How far around the place where an element is expected it is looked for, where elements have come or
/// gone. Further away it is not found, and parsed.
const AROUND: usize = 8;

impl<V> List<'_, V> {
    /// The position and the length of the element that this text begins with, looked for around a position,
    /// from `first` on.
    fn find(&self, text: &[u8], first: usize, around: usize) -> Option<(usize, usize)> {
        let before = (first.max(around.saturating_sub(AROUND))..around).rev();
        let from_there = around..self.values.len().min(around + AROUND);
        let mut positions = from_there.chain(before);
        positions.find_map(|position| {
            let element = self.text_of(position)?;
            let rest = text.strip_prefix(element)?;
            // Not the beginning of a longer one.
            matches!(rest.first(), Some(b',' | b']')).then_some((position, element.len()))
        })
    }

    fn text_of(&self, position: usize) -> Option<&[u8]> {
        let begin = match position.checked_sub(1) {
            // A comma is between them.
            Some(previous) => self.ends.ends.get(previous)? + 1,
            None => self.ends.begin,
        };
        self.text.get(begin..*self.ends.ends.get(position)?)
    }
}

/// A text, and how far it has been read.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes past what must come next.
    fn skip(&mut self, expected: &str) -> Option<()> {
        self.rest().starts_with(expected).then(|| {
            self.at += expected.len();
        })
    }

    /// Goes past the end.
    fn end(&mut self) -> Option<()> {
        (self.rest() == "}\n").then_some(())
    }

    /// The value that comes next.
    fn value<T: Serialize + DeserializeOwned>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let value = values.next()?.ok()?;
        let text = self.rest().as_bytes().get(..values.byte_offset())?;
        is_written_as(&value, text).then(|| {
            self.at += text.len();
            value
        })
    }

    /// The array that comes next.
    fn array<T>(&mut self, before: Option<List<'_, T>>) -> Option<(Vec<T>, Ends)>
    where
        T: Clone + Serialize + DeserializeOwned,
    {
        self.skip("[")?;
        let mut values =
            Vec::with_capacity(before.as_ref().map_or(0, |before| before.values.len()));
        let mut ends = Ends {
            begin: self.at,
            ends: Vec::with_capacity(values.capacity()),
        };
        if self.skip("]").is_some() {
            return Some((values, ends));
        }
        // The first element that may come, as elements keep their order, and the one that most likely does.
        let (mut first, mut likely) = (0, 0);
        loop {
            let text = self.rest().as_bytes();
            let known = before.as_ref().and_then(|before| {
                let (position, length) = before.find(text, first, likely)?;
                Some((position, length, before.values.get(position)?))
            });
            if let Some((position, length, value)) = known {
                values.push(value.clone());
                self.at += length;
                first = position + 1;
                likely = first;
            } else {
                values.push(self.value()?);
                // In place of another.
                likely += 1;
            }
            ends.ends.push(self.at);
            if self.skip(",").is_none() {
                self.skip("]")?;
                return Some((values, ends));
            }
        }
    }

    /// The array that comes next, unless it is empty: then neither it nor its key is written.
    fn optional<T>(&mut self, key: &str, before: Option<List<'_, T>>) -> Option<(Vec<T>, Ends)>
    where
        T: Clone + Serialize + DeserializeOwned,
    {
        if self.skip(key).is_none() {
            return Some((Vec::new(), Ends::default()));
        }
        let found = self.array(before)?;
        (!found.0.is_empty()).then_some(found)
    }
}

/// What is still to be written, which must be this.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .strip_prefix(bytes)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
