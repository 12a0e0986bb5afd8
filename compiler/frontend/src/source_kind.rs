//! Which language a file is written in.

use crate::database::SourceFile;

/// The language of a file, which its path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Our own: `.pol`, and whatever has another ending than the others.
    Pol,
    /// YAML or JSON of Kubernetes objects.
    Kubernetes,
}

impl SourceKind {
    /// The path of standard input, which is of Kubernetes objects.
    pub const STANDARD_INPUT: &'static str = "<stdin>";

    /// The language of the file with this path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "yaml" | "yml" | "json" => Self::Kubernetes,
            _ if path == Self::STANDARD_INPUT => Self::Kubernetes,
            _ => Self::Pol,
        }
    }
}

impl SourceFile {
    /// Its language.
    pub(crate) fn kind(self, db: &dyn salsa::Database) -> SourceKind {
        SourceKind::of(self.path(db))
    }
}
