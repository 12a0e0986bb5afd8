//! Finding packages on disk and reading them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use polc_diagnostics::{Diagnostic, Place};
use polc_frontend::{Analysis, Database};
use polc_inventory::Inventory;
use polc_model::Origin;

use crate::{files, operational::OperationalError};

/// A package that was read, with what it means.
pub(crate) struct LoadedPackage {
    /// The directory, as it was reached.
    root: PathBuf,
    database: Database,
    /// What it means, and what is wrong with it.
    pub(crate) analysis: Analysis,
}

impl LoadedPackage {
    /// A name for people: the declared one, or the directory.
    pub(crate) fn name(&self) -> String {
        if self.analysis.model.package.is_empty() {
            self.root.display().to_string()
        } else {
            self.analysis.model.package.clone()
        }
    }

    /// The path of a file as the user would write it.
    pub(crate) fn display_path(&self, file: &str) -> String {
        let path = self.root.join(file);
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.display().to_string()
    }

    /// The source of an origin of the package's Model.
    pub(crate) fn place_of(&self, origin: &Origin) -> Place {
        self.database.place_of(&self.analysis.model, origin)
    }

    /// The text of an origin of the package's Model.
    pub(crate) fn source_of(&self, origin: &Origin) -> &str {
        let place = self.place_of(origin);
        let range = place.range.start as usize..place.range.end as usize;
        self.text(&place.file).get(range).unwrap_or_default()
    }

    /// Where a file is on disk.
    pub(crate) fn path_of(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Replaces the text of a file, in memory, and analyses again.
    pub(crate) fn set_text(&mut self, file: &str, text: String) {
        self.database.set_file(file, text);
        self.analysis = self.database.analyze();
    }

    /// Adds what lints find, to a package without errors.
    pub(crate) fn lint(&mut self, inventory: Option<&Inventory>) {
        if self.analysis.has_errors() {
            return;
        }
        let mut context = polc_lint::Context::new(&self.database, &self.analysis.model);
        if let Some(inventory) = inventory {
            context = context.with_inventory(inventory);
        }
        let found = polc_lint::run(&context, &self.analysis.lint_levels);
        let diagnostics = &mut self.analysis.diagnostics;
        diagnostics.extend(found);
        diagnostics.sort_by(|one, other| one.order().cmp(&other.order()));
    }

    /// The texts of the files, by path inside the package.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.database
            .paths()
            .filter_map(|path| Some((path, self.database.text(path)?)))
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: &str) -> &str {
        self.database.text(file).unwrap_or_default()
    }

    /// Line and column of the start of a place, counted from 1, columns in characters.
    pub(crate) fn position(&self, place: &Place) -> (usize, usize) {
        self.position_at(&place.file, place.range.start)
    }

    /// Line and column of an offset, counted from 1, columns in characters.
    pub(crate) fn position_at(&self, file: &str, offset: u32) -> (usize, usize) {
        let text = self.text(file);
        let before = text.get(..offset as usize).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        (line, last.chars().count() + 1)
    }

    /// The diagnostics of the analysis.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.analysis.diagnostics
    }
}

/// Everything that the given paths lead to.
pub(crate) struct Loaded {
    /// In order of path.
    pub(crate) packages: Vec<LoadedPackage>,
    /// What could not be read.
    pub(crate) errors: Vec<OperationalError>,
}

impl Loaded {
    /// Reads the inventory, if one is given. What is wrong with it joins the other errors.
    pub(crate) fn read_inventory(&mut self, path: Option<&Path>) -> Option<Inventory> {
        match path.map(files::read_inventory).transpose() {
            Ok(inventory) => inventory,
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}

/// Reads every package that the paths lead to. What cannot be read does not keep the rest from
/// being read; a package with an unreadable file is left out, because its meaning is unknown.
pub(crate) fn load(paths: &[PathBuf]) -> Loaded {
    reload(paths, Vec::new())
}

/// Reads everything again. Packages that were read before keep their databases, so that only what
/// changed is analysed.
pub(crate) fn reload(paths: &[PathBuf], before: Vec<LoadedPackage>) -> Loaded {
    let mut databases: BTreeMap<PathBuf, Database> = before
        .into_iter()
        .map(|package| (package.root, package.database))
        .collect();
    let (found, mut errors) = discover_all(paths);
    let mut packages = Vec::new();
    for (root, files) in found {
        let database = databases.remove(&root).unwrap_or_default();
        match read(root, &files, database) {
            Ok(package) => packages.push(package),
            Err(of_package) => errors.extend(of_package),
        }
    }
    Loaded { packages, errors }
}

/// Every policy file that the paths lead to, in order.
pub(crate) fn files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<OperationalError>) {
    let (found, errors) = discover_all(paths);
    (found.into_values().flatten().collect(), errors)
}

/// The files of each directory, in order, and what could not be read.
fn discover_all(paths: &[PathBuf]) -> (BTreeMap<PathBuf, Vec<PathBuf>>, Vec<OperationalError>) {
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let mut errors = Vec::new();
    for path in paths {
        if let Err(error) = discover(path, &mut found) {
            errors.push(error);
        }
    }
    for files in found.values_mut() {
        files.sort();
        files.dedup();
    }
    (found, errors)
}

fn discover(
    path: &Path,
    found: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
) -> Result<(), OperationalError> {
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OperationalError::Missing {
            path: path.to_owned(),
        },
        _ => unreadable(path, source),
    })?;
    if metadata.is_dir() {
        let before = found.len();
        let mut is_known = false;
        walk(path, found, &mut is_known)?;
        if found.len() == before && !is_known {
            return Err(OperationalError::NoPolicies {
                path: path.to_owned(),
            });
        }
        return Ok(());
    }
    if !is_policy_file(path) {
        return Err(OperationalError::NotPolicy {
            path: path.to_owned(),
        });
    }
    let root = path.parent().unwrap_or(Path::new("")).to_owned();
    found.entry(root).or_default().push(path.to_owned());
    Ok(())
}

fn walk(
    directory: &Path,
    found: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
    is_known: &mut bool,
) -> Result<(), OperationalError> {
    let entries = fs::read_dir(directory).map_err(|source| unreadable(directory, source))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| unreadable(directory, source))?;
        let file_type = entry
            .file_type()
            .map_err(|source| unreadable(&entry.path(), source))?;
        paths.push((entry.path(), file_type.is_dir()));
    }
    paths.sort();
    for (path, is_directory) in paths {
        // Links to directories are not followed, so that a walk always ends.
        if is_directory {
            walk(&path, found, is_known)?;
        } else if is_policy_file(&path) {
            *is_known = true;
            found.entry(directory.to_owned()).or_default().push(path);
        }
    }
    Ok(())
}

/// The policy files in a directory, without those below it, in order. None where there is no such
/// directory.
pub(crate) fn policies_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_policy_file(path))
        .collect();
    paths.sort();
    paths
}

fn is_policy_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pol")
}

fn read(
    root: PathBuf,
    files: &[PathBuf],
    mut database: Database,
) -> Result<LoadedPackage, Vec<OperationalError>> {
    let mut errors = Vec::new();
    let mut gone: BTreeSet<String> = database.paths().map(str::to_owned).collect();
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
        gone.remove(&*name);
        match read_text(path) {
            Ok(text) => database.set_file(&name, text),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for name in gone {
        database.remove_file(&name);
    }
    let analysis = database.analyze();
    Ok(LoadedPackage {
        root,
        database,
        analysis,
    })
}

fn read_text(path: &Path) -> Result<String, OperationalError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
    String::from_utf8(bytes).map_err(|error| OperationalError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

fn unreadable(path: &Path, source: io::Error) -> OperationalError {
    OperationalError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
