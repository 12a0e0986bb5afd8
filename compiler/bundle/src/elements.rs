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

/// Where the elements of one array end, in bytes of the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// Where the first element begins.
    begin: usize,
    ends: Vec<usize>,
}

/// What was read before: a value, its text, and where the elements of its arrays end in it, in the order in
/// which they are written.
pub(crate) struct Before<'a, T> {
    pub(crate) value: &'a T,
    pub(crate) text: &'a [u8],
    pub(crate) ends: &'a [Ends],
}

/// A value that was read, and where the elements of its arrays end.
pub(crate) type Read<T> = (T, Vec<Ends>);

/// Reads a Model. `None` where the text is not how a Model is written.
pub(crate) fn model(text: &str, before: Option<Before<'_, Model>>) -> Option<Read<Model>> {
    let mut text = Cursor::new(text, before);
    let model = Model {
        package: text.value(r#"{"package":"#)?,
        host_access: text.value(r#","host_access":"#)?,
        files: text.array(r#","files":"#, |model| &model.files)?,
        selectors: text.array(r#","selectors":"#, |model| &model.selectors)?,
        policies: text.array(r#","policies":"#, |model| &model.policies)?,
        rules: text.array(r#","rules":"#, |model| &model.rules)?,
        services: text.filled_array(r#","services":"#, |model| &model.services)?,
        tests: text.array(r#","tests":"#, |model| &model.tests)?,
        assertions: text.filled_array(r#","assertions":"#, |model| &model.assertions)?,
    };
    Some((model, text.end()?))
}

/// Reads a Plan. `None` where the text is not how a Plan is written.
pub(crate) fn plan(text: &str, before: Option<Before<'_, Plan>>) -> Option<Read<Plan>> {
    let mut text = Cursor::new(text, before);
    let plan = Plan {
        classes: text.array(r#"{"classes":"#, |plan| &plan.classes)?,
    };
    Some((plan, text.end()?))
}

/// Whether a value is written like this, and as nothing else.
pub(crate) fn is_written_as(value: &impl Serialize, text: &[u8]) -> bool {
    let mut rest = Expected(text);
    serde_json::to_writer(&mut rest, value).is_ok() && rest.0.is_empty()
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

/// A text, how far it has been read, and where the elements of the arrays in it end.
struct Cursor<'a, T> {
    text: &'a str,
    at: usize,
    ends: Vec<Ends>,
    before: Option<Before<'a, T>>,
}

impl<'a, T> Cursor<'a, T> {
    const fn new(text: &'a str, before: Option<Before<'a, T>>) -> Self {
        Self {
            text,
            at: 0,
            ends: Vec::new(),
            before,
        }
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

    /// Where elements end, at the end of the text.
    fn end(self) -> Option<Vec<Ends>> {
        (self.rest() == "}\n").then_some(self.ends)
    }

    /// The value that comes next, after its key.
    fn value<V: Serialize + DeserializeOwned>(&mut self, key: &str) -> Option<V> {
        self.skip(key)?;
        self.element()
    }

    fn element<V: Serialize + DeserializeOwned>(&mut self) -> Option<V> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter();
        let value = values.next()?.ok()?;
        let text = self.rest().as_bytes().get(..values.byte_offset())?;
        is_written_as(&value, text).then(|| {
            self.at += text.len();
            value
        })
    }

    /// The array that comes next, after its key. `of` finds the one that was read before.
    fn array<V>(&mut self, key: &str, of: impl Fn(&T) -> &[V]) -> Option<Vec<V>>
    where
        V: Clone + Serialize + DeserializeOwned,
    {
        self.skip(key)?;
        self.skip("[")?;
        let before = self.before.as_ref().and_then(|before| {
            Some(List {
                values: of(before.value),
                ends: before.ends.get(self.ends.len())?,
                text: before.text,
            })
        });
        let mut values = Vec::with_capacity(before.as_ref().map_or(0, |list| list.values.len()));
        let mut ends = Ends {
            begin: self.at,
            ends: Vec::with_capacity(values.capacity()),
        };
        // The first element that may come, as elements keep their order, and the one that most likely does.
        let (mut first, mut likely) = (0, 0);
        while self.skip("]").is_none() {
            if !values.is_empty() {
                self.skip(",")?;
            }
            let text = self.rest().as_bytes();
            let known = before.as_ref().and_then(|list| {
                let (position, length) = list.find(text, first, likely)?;
                Some((position, length, list.values.get(position)?))
            });
            if let Some((position, length, value)) = known {
                values.push(value.clone());
                self.at += length;
                first = position + 1;
                likely = first;
            } else {
                values.push(self.element()?);
                // In place of another.
                likely += 1;
            }
            ends.ends.push(self.at);
        }
        self.ends.push(ends);
        Some(values)
    }

    /// As [`Self::array`], where neither the array nor its key is written if it is empty.
    fn filled_array<V>(&mut self, key: &str, of: impl Fn(&T) -> &[V]) -> Option<Vec<V>>
    where
        V: Clone + Serialize + DeserializeOwned,
    {
        if !self.rest().starts_with(key) {
            self.ends.push(Ends::default());
            return Some(Vec::new());
        }
        let values = self.array(key, of)?;
        (!values.is_empty()).then_some(values)
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
