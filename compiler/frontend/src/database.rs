//! The inputs, and the database that holds them.

use std::{collections::BTreeMap, sync::Arc};

use polc_diagnostics::Diagnostic;
use salsa::Setter;

use crate::{
    Analysis, assemble, lints,
    lower::kubernetes::{Manifest, manifest},
    source_kind::SourceKind,
};

/// One file of the package.
#[salsa::input]
pub(crate) struct SourceFile {
    /// Its path, relative to the package.
    #[returns(ref)]
    pub(crate) path: Arc<str>,
    /// Its text.
    #[returns(ref)]
    pub(crate) text: String,
}

/// The package: which files there are.
#[salsa::input]
pub(crate) struct Package {
    /// In order of path.
    #[returns(ref)]
    pub(crate) files: Vec<SourceFile>,
    /// Its name where no file says one, because none is in Pol.
    #[returns(ref)]
    pub(crate) name: String,
}

/// A package that is being analysed. Cheap to ask again after an edit.
#[salsa::db]
#[derive(Clone)]
pub struct Database {
    storage: salsa::Storage<Self>,
    files: BTreeMap<Arc<str>, SourceFile>,
    package: Option<Package>,
    name: String,
}

#[salsa::db]
impl salsa::Database for Database {}

impl Default for Database {
    fn default() -> Self {
        Self::with_storage(salsa::Storage::default())
    }
}

impl Database {
    fn with_storage(storage: salsa::Storage<Self>) -> Self {
        Self {
            storage,
            files: BTreeMap::new(),
            package: None,
            name: String::new(),
        }
    }

    /// A database that calls `observe` with a description of every query that runs.
    #[cfg(test)]
    pub(crate) fn observed(observe: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self::with_storage(salsa::Storage::new(Some(Box::new(move |event| {
            if let salsa::EventKind::WillExecute { database_key } = event.kind {
                observe(format!("{database_key:?}"));
            }
        }))))
    }

    /// Adds a file, or replaces its text. `path` is relative to the package and names the file in
    /// diagnostics and in the Model.
    pub fn set_file(&mut self, path: &str, text: impl Into<String>) {
        let text = text.into();
        match self.files.get(path).copied() {
            Some(file) => {
                if *file.text(self) != text {
                    file.set_text(self).to(text);
                }
            }
            None => {
                let path: Arc<str> = Arc::from(path);
                let file = SourceFile::new(self, Arc::clone(&path), text);
                self.files.insert(path, file);
                self.files_changed();
            }
        }
    }

    /// Names the package, for when no file does: Kubernetes objects belong to none.
    pub fn set_name(&mut self, name: &str) {
        if self.name == name {
            return;
        }
        name.clone_into(&mut self.name);
        if let Some(package) = self.package {
            package.set_name(self).to(name.to_owned());
        }
    }

    /// Removes a file. One that was never added is no error.
    pub fn remove_file(&mut self, path: &str) {
        if self.files.remove(path).is_some() {
            self.files_changed();
        }
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.get(path).copied()?;
        Some(file.text(self).as_str())
    }

    /// The files' paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(AsRef::as_ref)
    }

    /// What the package means, and what there is to say about it.
    #[must_use]
    pub fn analyze(&self) -> Analysis {
        match self.package {
            Some(package) => Analysis {
                model: assemble::model(self, package).clone(),
                diagnostics: assemble::diagnostics(self, package).clone(),
                lint_levels: lints::lint_levels(self, package).clone(),
            },
            None => Analysis::default(),
        }
    }

    /// What there is to say about the package, without waiting for its Model.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self.package {
            Some(package) => assemble::diagnostics(self, package),
            None => &[],
        }
    }

    /// What a file of Kubernetes objects says. `None` for other files.
    pub(crate) fn manifest(&self, path: &str) -> Option<&Manifest> {
        let file = self.files.get(path).copied()?;
        let is_manifest = file.kind(self) == SourceKind::Kubernetes;
        is_manifest.then(|| manifest(self, file))
    }

    /// Where the lines of a file start, in bytes.
    pub(crate) fn line_starts(&self, path: &str) -> &[usize] {
        let file = self.files.get(path).copied();
        file.map_or(&[], |file| line_starts(self, file))
    }

    fn files_changed(&mut self) {
        let files: Vec<SourceFile> = self.files.values().copied().collect();
        match self.package {
            Some(package) => {
                package.set_files(self).to(files);
            }
            None => self.package = Some(Package::new(self, files, self.name.clone())),
        }
    }
}

/// Where the lines of a file start, in bytes.
#[salsa::tracked(returns(ref))]
fn line_starts(db: &dyn salsa::Database, file: SourceFile) -> Vec<usize> {
    crate::origin::line_starts(file.text(db))
}
