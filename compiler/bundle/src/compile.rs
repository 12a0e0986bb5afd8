//! From a Model to a bundle: plan, generate, write.

use std::fmt;

use polc_codegen::{CodegenError, elf};
use polc_model::{Model, PolicyId};
use polc_plan::{ClassKey, Unsupported};

use crate::Bundle;

/// A Model that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// A policy uses a construct that has no back end yet.
    Unsupported(Unsupported),
    /// A class of policies is over the budget of a program.
    Budget(CodegenError),
    /// The ELF writer failed.
    Elf(elf::ElfError),
}

impl CompileError {
    /// The policies that the error is about.
    #[must_use]
    pub fn policies(&self) -> &[PolicyId] {
        match self {
            Self::Unsupported(unsupported) => std::slice::from_ref(&unsupported.policy),
            Self::Budget(error) => &error.class.policies,
            Self::Elf(_) => &[],
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(error) => error.fmt(f),
            Self::Budget(error) => error.fmt(f),
            Self::Elf(error) => write!(f, "the program cannot be written: {error}"),
        }
    }
}

impl std::error::Error for CompileError {}

impl Bundle {
    /// Compiles a valid Model. `classes` are classes of policies that are known to be needed;
    /// those that the package itself foresees are always compiled.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(
        model: Model,
        classes: impl IntoIterator<Item = ClassKey>,
    ) -> Result<Self, CompileError> {
        let plan = polc_plan::plan(&model, classes).map_err(CompileError::Unsupported)?;
        let mut programs = Vec::with_capacity(plan.classes.len());
        for class in &plan.classes {
            let program =
                polc_codegen::compile(&model, &plan.layout, class).map_err(CompileError::Budget)?;
            programs.push(elf::write(&program).map_err(CompileError::Elf)?);
        }
        Ok(Self {
            model,
            plan,
            programs,
        })
    }
}
