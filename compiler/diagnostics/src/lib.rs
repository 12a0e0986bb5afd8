//! One diagnostic type, for every stage and every renderer.
//!
//! A [`Diagnostic`] is plain data: a [`Code`], a headline, [`Label`]s on every place involved (also
//! in other files), help, and a [`Fix`] where a machine can apply one. Renderers turn it into
//! terminal text, plain lines or JSON; nothing here knows about them.
//!
//! Wording: lower case, no final full stop, the user's text in backticks, no blame.

mod code;
mod level;
pub mod suggest;

pub use code::Code;
pub use level::Level;

use std::{ops::Range, sync::Arc};

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The package has no meaning until it is resolved.
    Error,
    /// The package has a meaning, perhaps not the one its authors want.
    Warning,
}

impl Severity {
    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A range of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file's path, as the front end knows it.
    pub file: Arc<str>,
    /// The bytes, on boundaries of characters.
    pub range: Range<u32>,
}

/// A place and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What; may be empty.
    pub message: String,
}

/// A change to the source that resolves the finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fix {
    /// What is replaced.
    pub place: Place,
    /// What stands there afterwards.
    pub replacement: String,
}

/// Something to tell the author of a package.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: Code,
    /// How serious it is.
    pub severity: Severity,
    /// What is the matter, in one line.
    pub headline: String,
    /// Where it is the matter.
    pub primary: Label,
    /// Other places that are involved.
    pub secondary: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// A change that resolves it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding with the code's own severity. `message` is the label of the primary place.
    #[must_use]
    pub fn new(
        code: Code,
        headline: impl Into<String>,
        place: Place,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: code.severity(),
            headline: headline.into(),
            primary: Label {
                place,
                message: message.into(),
            },
            secondary: Vec::new(),
            help: None,
            notes: Vec::new(),
            fix: None,
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn with_label(mut self, place: Place, message: impl Into<String>) -> Self {
        self.secondary.push(Label {
            place,
            message: message.into(),
        });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the change that resolves it.
    #[must_use]
    pub fn with_fix(mut self, place: Place, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix {
            place,
            replacement: replacement.into(),
        });
        self
    }

    /// What diagnostics are ordered by: file, place, code, headline.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        let place = &self.primary.place;
        (
            &place.file,
            place.range.start,
            place.range.end,
            self.code,
            &self.headline,
        )
    }
}
