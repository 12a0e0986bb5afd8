//! Reading a bundle, strictly.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use polc_model::Model;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Bundle, BundleError, Digest, FORMAT_VERSION, KERNEL, Manifest, archive,
    elements::{self, Before, Ends, Read},
    json,
};

/// A bundle as it was read from its file, and what makes reading the next one quick: most often that is
/// this one with a change.
#[derive(Clone, Debug)]
pub struct Opened {
    bundle: Arc<Bundle>,
    digest: Digest,
    model: Said,
    plan: Said,
    /// The contents of the file, by digest.
    contents: BTreeMap<String, Bytes>,
}

/// A text that was read, and where the elements of its arrays end. None where it was read as a whole.
#[derive(Clone, Debug)]
struct Said {
    text: Bytes,
    ends: Vec<Ends>,
}

impl Opened {
    /// Reads a bundle and checks all of it: digests, Model, Plan, and that programs are ELF files
    /// in the plan's order. What is read shares the file's bytes.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn read(bytes: &Bytes) -> Result<Self, BundleError> {
        Self::read_any(bytes, None)
    }

    /// As [`Self::read`], with the same result, and quicker where this bundle is another one with a change.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_after(bytes: &Bytes, before: &Self) -> Result<Self, BundleError> {
        Self::read_any(bytes, Some(before))
    }

    /// The bundle.
    #[must_use]
    pub const fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// The bundle alone.
    pub(crate) fn into_bundle(self) -> Bundle {
        Arc::unwrap_or_clone(self.bundle)
    }

    /// Its name.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    fn read_any(bytes: &Bytes, before: Option<&Self>) -> Result<Self, BundleError> {
        let mut entries = archive::read(bytes)?.into_iter();
        let digest = next(&mut entries, archive::DIGEST)?;
        let manifest_bytes = next(&mut entries, archive::MANIFEST)?;
        let name = Digest::of(manifest_bytes);
        if name.to_string().as_bytes() != digest {
            return Err(damaged("its digest does not fit its manifest".to_owned()));
        }
        check_format(manifest_bytes)?;
        let manifest: Manifest = parse(archive::MANIFEST, manifest_bytes)?;
        let entries = entries.as_slice();
        check_digests(&manifest, entries, before)?;

        let model_before = before.map(|before| before.model.of(&*before.bundle.model));
        let content = entry(entries, 0, Manifest::MODEL)?;
        let (model, ends) = one_way(Manifest::MODEL, content, |text| {
            elements::model(text, model_before)
        })?;
        check_model(&model)?;
        let model_said = Said {
            text: bytes.slice_ref(content),
            ends,
        };
        let plan_before = before.map(|before| before.plan.of(&before.bundle.plan));
        let content = entry(entries, 1, Manifest::PLAN)?;
        let (plan, ends) = one_way(Manifest::PLAN, content, |text| {
            elements::plan(text, plan_before)
        })?;
        let plan_said = Said {
            text: bytes.slice_ref(content),
            ends,
        };
        polc_plan::validate(&model, &plan)
            .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
        let programs = entries.iter().skip(2);
        let programs: Vec<Bytes> = programs
            .map(|(_, content)| bytes.slice_ref(content))
            .collect();
        if programs.len() != plan.classes.len() {
            return Err(damaged(
                "it has not one program for each class of its plan".to_owned(),
            ));
        }
        // There is one manifest for these entries.
        let again = Manifest {
            format: FORMAT_VERSION,
            package: model.package.clone(),
            kernel: KERNEL.to_owned(),
            ..manifest
        };
        if *json(&again)? != *manifest_bytes || again.entries.len() != programs.len() + 2 {
            return Err(BundleError::not_as_written());
        }
        let Manifest {
            compiler,
            entries: mut digests,
            ..
        } = again;
        let contents = entries.iter().filter_map(|(name, content)| {
            Some((digests.remove(&**name)?, bytes.slice_ref(content)))
        });
        Ok(Self {
            contents: contents.collect(),
            bundle: Arc::new(Bundle {
                compiler,
                model: Arc::new(model),
                plan,
                programs,
            }),
            digest: name,
            model: model_said,
            plan: plan_said,
        })
    }
}

impl Said {
    /// What was read before, as this.
    fn of<'a, T>(&'a self, value: &'a T) -> Before<'a, T> {
        Before {
            value,
            text: &self.text,
            ends: &self.ends,
        }
    }
}

/// Whether the entries are what the manifest says.
fn check_digests(
    manifest: &Manifest,
    entries: &[archive::Entry<'_>],
    before: Option<&Opened>,
) -> Result<(), BundleError> {
    let names = entries.iter().map(|(name, _)| &**name);
    let expected = Manifest::names(entries.len().saturating_sub(2));
    if !names.eq(expected.iter().map(String::as_str)) {
        return Err(damaged(
            "its entries are not those of a bundle, in their order".to_owned(),
        ));
    }
    for (name, content) in entries {
        let fits = manifest.entries.get(&**name).is_some_and(|expected| {
            let known = before.and_then(|before| before.contents.get(expected));
            // Comparing bytes is an order of magnitude faster than digesting them.
            known.is_some_and(|known| known == content)
                || Digest::of(content).to_string() == *expected
        });
        if !fits {
            return Err(damaged(format!("`{name}` does not fit its digest")));
        }
    }
    Ok(())
}

/// Whether a Model is one that a compiler has written.
fn check_model(model: &Model) -> Result<(), BundleError> {
    polc_model::validate::validate(model)
        .map_err(|cause| BundleError::Invalid(cause.to_string()))?;
    // A node compiles further classes of this Model by itself, so nothing may be in it that the
    // compiler would have refused.
    match polc_plan::unsupported(model).first() {
        Some(unsupported) => Err(BundleError::Invalid(unsupported.to_string())),
        None => Ok(()),
    }
}

/// The value that an entry says. There is one way to write each value. Where it cannot be read by elements, what is wrong is said of the whole.
fn one_way<T: Serialize + DeserializeOwned>(
    name: &str,
    content: &[u8],
    by_elements: impl FnOnce(&str) -> Option<Read<T>>,
) -> Result<Read<T>, BundleError> {
    let text = text(name, content)?;
    if let Some(read) = by_elements(text) {
        return Ok(read);
    }
    let value: T = parse(name, content)?;
    let written = content.strip_suffix(b"\n").unwrap_or_default();
    if elements::is_written_as(&value, written) {
        debug_assert!(false, "`{name}` is written as elements are not read");
        return Ok((value, Vec::new()));
    }
    Err(BundleError::not_as_written())
}

/// The content of the entry at this position, with this name.
fn entry<'a>(
    entries: &[archive::Entry<'a>],
    position: usize,
    wanted: &str,
) -> Result<&'a [u8], BundleError> {
    match entries.get(position) {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(misplaced(name, wanted)),
        None => Err(missing(wanted)),
    }
}

fn misplaced(name: &str, wanted: &str) -> BundleError {
    damaged(format!("it holds `{name}` where `{wanted}` belongs"))
}

fn missing(wanted: &str) -> BundleError {
    damaged(format!("`{wanted}` is missing"))
}

/// The content of the next entry, which has this name.
fn next<'a>(
    entries: &mut impl Iterator<Item = archive::Entry<'a>>,
    wanted: &str,
) -> Result<&'a [u8], BundleError> {
    match entries.next() {
        Some((name, content)) if name == wanted => Ok(content),
        Some((name, _)) => Err(misplaced(&name, wanted)),
        None => Err(missing(wanted)),
    }
}

/// Asks for the format before anything else, which may look different in another format.
fn check_format(manifest: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    match parse(archive::MANIFEST, manifest)? {
        Format { format } if format > FORMAT_VERSION => Err(BundleError::TooNew(format)),
        Format { format } if format < FORMAT_VERSION => Err(BundleError::TooOld(format)),
        Format { .. } => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, BundleError> {
    serde_json::from_str(text(name, bytes)?)
        .map_err(|cause| BundleError::Invalid(format!("`{name}`: {cause}")))
}

/// Once for all of it: quicker than for each string.
fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, BundleError> {
    std::str::from_utf8(bytes).map_err(|cause| BundleError::Invalid(format!("`{name}`: {cause}")))
}

fn damaged(what: String) -> BundleError {
    BundleError::Damaged(what)
}
