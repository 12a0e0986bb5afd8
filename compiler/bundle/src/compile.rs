//! From a Model to a bundle: plan, generate, write.

use std::{fmt, sync::Arc};

use polc_codegen::{CodegenError, Compiler, Limits, elf};
use polc_model::{Model, PolicyId};
use polc_plan::{Choice, ClassKey, Unsupported};

use crate::Bundle;

/// A Model that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The package uses constructs that have no back end yet. Never empty.
    Unsupported(Vec<Unsupported>),
    /// A class of policies is over the budget of a program.
    Budget(CodegenError),
    /// The ELF writer failed.
    Elf(elf::ElfError),
}

impl CompileError {
    /// The policies whose class the error is about.
    #[must_use]
    pub fn policies(&self) -> &[PolicyId] {
        match self {
            Self::Budget(error) => &error.class.policies,
            Self::Unsupported(_) | Self::Elf(_) => &[],
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(found) => match found.first() {
                Some(first) => first.fmt(f),
                None => f.write_str("something cannot be enforced yet"),
            },
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
        Self::compile_with(model, classes, Choice::Cheapest, Limits::default())
    }

    /// As [`Self::compile`], with a say in strategies and in when programs are split: to compare
    /// them.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile_with(
        model: Model,
        classes: impl IntoIterator<Item = ClassKey>,
        choice: Choice,
        limits: Limits,
    ) -> Result<Self, CompileError> {
        let plan =
            polc_plan::plan_with(&model, classes, choice).map_err(CompileError::Unsupported)?;
        let compiler = Compiler::new(&model);
        let mut programs = Vec::with_capacity(plan.classes.len());
        for class in &plan.classes {
            let program = compiler
                .compile(class, limits)
                .map_err(CompileError::Budget)?;
            programs.push(elf::write(&program).map_err(CompileError::Elf)?.into());
        }
        Ok(Self {
            compiler: crate::COMPILER_VERSION.to_owned(),
            model: Arc::new(model),
            plan,
            programs,
        })
    }
}
