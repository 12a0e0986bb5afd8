//! Programs as ordinary BPF ELF files, readable by `bpftool` and `llvm-objdump`.
//!
//! Sections: `classifier/NAME` with the code, for the root and then for each part; `.rodata` with
//! the table, where there is one; `.maps` with definitions of the maps, `license`, `.BTF` and
//! `.BTF.ext`. Maps are symbols in `.maps` and the table is `polc_table`; the offset of selector
//! block `N` is the undefined symbol `polc_block_N`, whose size is what is read there, the slot of part
//! `N` is `polc_part_N`, and the bit of port name `N` is `polc_name_N`. All are wanted by `R_BPF_64_64`
//! relocations.

use std::{collections::BTreeMap, fmt};

use object::{
    Architecture, BinaryFormat, Endianness, LittleEndian, Object as _, ObjectSection as _,
    ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope,
    read::elf::ElfFile64,
    write::{Object, Relocation as ElfRelocation, Symbol, SymbolId, SymbolSection},
};
use polc_abi::policy::{CONTINUATIONS_MAP, INPUT_MAP, PORT_NAMES_MAP, SIGNATURES_MAP};

use crate::{
    btf,
    insn::{INSN_BYTES, Insn},
    program::{BlockId, ClassProgram, Program, Relocation, Target},
};

const CODE_SECTION_PREFIX: &str = "classifier/";
const BLOCK_PREFIX: &str = "polc_block_";
const NAME_PREFIX: &str = "polc_name_";
const PART_PREFIX: &str = "polc_part_";
const TABLE: &str = "polc_table";
const R_BPF_64_64: u32 = 1;
/// The kernel's licence check; see `include/linux/license.h` in its source.
const LICENSE: &[u8] = b"Dual MIT/GPL\0";

/// A file that is not a policy program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElfError {
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ElfError {}

fn error(message: impl Into<String>) -> ElfError {
    ElfError {
        message: message.into(),
    }
}

/// Writes the programs of a class. The same programs give the same bytes.
///
/// # Errors
/// Only what the writer reports about sections it cannot lay out.
pub fn write(class: &ClassProgram) -> Result<Vec<u8>, ElfError> {
    let mut elf = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let mut texts = Vec::new();
    for program in class.programs() {
        let mut program = program.clone();
        // Where the table is wanted, the instruction holds the offset into it.
        for relocation in &program.relocations {
            if let Target::Table(offset) = relocation.target
                && let Some(insn) = program.code.get_mut(relocation.instruction)
            {
                insn.immediate = offset.cast_signed();
            }
        }
        let code: Vec<u8> = program
            .code
            .iter()
            .flat_map(|insn| insn.to_bytes())
            .collect();
        let section = section_name(&program.name).into_bytes();
        let text = elf.add_section(Vec::new(), section, SectionKind::Text);
        elf.append_section_data(text, &code, INSN_BYTES as u64);
        let section = SymbolSection::Section(text);
        let size = code.len() as u64;
        elf.add_symbol(symbol(&program.name, SymbolKind::Text, 0, size, section));
        texts.push((text, program));
    }

    let mut symbols = Symbols::default();
    if !class.table.is_empty() {
        let section = elf.add_section(Vec::new(), b".rodata".to_vec(), SectionKind::ReadOnlyData);
        elf.append_section_data(section, &class.table, 8);
        let (size, section) = (class.table.len() as u64, SymbolSection::Section(section));
        let table = symbol(TABLE, SymbolKind::Data, 0, size, section);
        symbols.add(&mut elf, table);
    }
    let maps = elf.add_section(Vec::new(), b".maps".to_vec(), SectionKind::Data);
    for btf::MapDefinition { name, .. } in btf::MAPS {
        let size = btf::MAP_DEFINITION_BYTES;
        let zeros = [0; btf::MAP_DEFINITION_BYTES as usize];
        let offset = elf.append_section_data(maps, &zeros, 8);
        let section = SymbolSection::Section(maps);
        symbols.add(
            &mut elf,
            symbol(name, SymbolKind::Data, offset, size, section),
        );
    }
    let sections = btf::encode(class);
    for (name, data) in [
        ("license", LICENSE),
        (".BTF", &sections.btf),
        (".BTF.ext", &sections.btf_ext),
    ] {
        let kind = if name == "license" {
            SectionKind::Data
        } else {
            SectionKind::Metadata
        };
        let section = elf.add_section(Vec::new(), name.as_bytes().to_vec(), kind);
        elf.append_section_data(section, data, 4);
    }

    for (text, program) in texts {
        for relocation in &program.relocations {
            let relocation = ElfRelocation {
                offset: (relocation.instruction * INSN_BYTES) as u64,
                symbol: symbols.of(&mut elf, relocation.target),
                addend: 0,
                flags: RelocationFlags::Elf {
                    r_type: object::elf::RelocationType(R_BPF_64_64),
                },
            };
            elf.add_relocation(text, relocation)
                .map_err(|cause| error(cause.to_string()))?;
        }
    }
    elf.write().map_err(|cause| error(cause.to_string()))
}

/// The section of a program's code.
pub(crate) fn section_name(program: &str) -> String {
    format!("{CODE_SECTION_PREFIX}{program}")
}

/// Symbols that relocations want, by name.
#[derive(Default)]
struct Symbols {
    ids: BTreeMap<String, SymbolId>,
}

impl Symbols {
    fn add(&mut self, elf: &mut Object<'_>, symbol: Symbol) -> SymbolId {
        let name = String::from_utf8_lossy(&symbol.name).into_owned();
        *self
            .ids
            .entry(name)
            .or_insert_with(|| elf.add_symbol(symbol))
    }

    /// The symbol of a target: of a map or the table, or an undefined one for what the node knows.
    fn of(&mut self, elf: &mut Object<'_>, target: Target) -> SymbolId {
        let undefined = SymbolSection::Undefined;
        let size = match target {
            Target::Block(block) => block.bytes.into(),
            _ => 0,
        };
        let symbol = symbol(&name_of(target), SymbolKind::Unknown, 0, size, undefined);
        self.add(elf, symbol)
    }
}

fn name_of(target: Target) -> String {
    match target {
        Target::InputMap => INPUT_MAP.to_owned(),
        Target::ContinuationsMap => CONTINUATIONS_MAP.to_owned(),
        Target::SignaturesMap => SIGNATURES_MAP.to_owned(),
        Target::PortNamesMap => PORT_NAMES_MAP.to_owned(),
        Target::PoliciesMap => polc_abi::map::POLICIES.to_owned(),
        Target::Table(_) => TABLE.to_owned(),
        Target::Block(block) => format!("{BLOCK_PREFIX}{}", block.index),
        Target::Name(name) => format!("{NAME_PREFIX}{name}"),
        Target::Part(part) => format!("{PART_PREFIX}{part}"),
    }
}

/// The target that a relocation wants: a symbol of this name and size. `offset` is what its
/// instruction holds.
fn target(symbol: &str, size: u64, offset: u32) -> Option<Target> {
    let number = |prefix| symbol.strip_prefix(prefix)?.parse().ok();
    match symbol {
        INPUT_MAP => Some(Target::InputMap),
        CONTINUATIONS_MAP => Some(Target::ContinuationsMap),
        SIGNATURES_MAP => Some(Target::SignaturesMap),
        PORT_NAMES_MAP => Some(Target::PortNamesMap),
        polc_abi::map::POLICIES => Some(Target::PoliciesMap),
        TABLE => Some(Target::Table(offset)),
        _ => match number(BLOCK_PREFIX) {
            Some(index) => {
                let bytes = u32::try_from(size).ok()?;
                Some(Target::Block(BlockId { index, bytes }))
            }
            None => number(PART_PREFIX)
                .map(Target::Part)
                .or_else(|| number(NAME_PREFIX).map(Target::Name)),
        },
    }
}

fn symbol(name: &str, kind: SymbolKind, value: u64, size: u64, section: SymbolSection) -> Symbol {
    Symbol {
        name: name.as_bytes().to_vec(),
        value,
        size,
        kind,
        scope: if section == SymbolSection::Undefined {
            SymbolScope::Unknown
        } else {
            SymbolScope::Dynamic
        },
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

/// The programs of a class as a file holds them, with what the kernel wants beside the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The programs.
    pub class: ClassProgram,
    /// The type information, for `BPF_BTF_LOAD`.
    pub btf: Vec<u8>,
    /// For each program, the root first.
    pub infos: Vec<Infos>,
}

/// What the kernel wants to know of a program's functions and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Infos {
    /// `struct bpf_func_info` records, instruction offsets in instructions.
    pub func_info: Vec<u8>,
    /// `struct bpf_line_info` records, instruction offsets in instructions.
    pub line_info: Vec<u8>,
}

/// Reads a file that [`write`] wrote.
///
/// # Errors
/// Anything that such a file never holds.
pub fn read(bytes: &[u8]) -> Result<File, ElfError> {
    let elf = ElfFile64::<LittleEndian>::parse(bytes)
        .map_err(|cause| error(format!("not an ELF file: {cause}")))?;
    if elf.architecture() != Architecture::Bpf {
        return Err(error("not a BPF program"));
    }
    let section = |name: &str| {
        elf.section_by_name(name)
            .and_then(|section| section.data().ok())
    };
    let needed = |name: &str| {
        section(name).ok_or_else(|| error(format!("the file has no section `{name}`")))
    };
    let btf = needed(".BTF")?;
    let lines = btf::Lines::read(btf, needed(".BTF.ext")?)
        .ok_or_else(|| error("the debug information is damaged"))?;

    let mut programs = Vec::new();
    let mut infos = Vec::new();
    for text in elf.sections() {
        let Some(name) = text
            .name()
            .ok()
            .and_then(|name| name.strip_prefix(CODE_SECTION_PREFIX))
        else {
            continue;
        };
        let (source, info) = lines
            .of_section(&section_name(name))
            .ok_or_else(|| error("the debug information is damaged"))?;
        programs.push(Program {
            name: name.to_owned(),
            lines: source,
            ..code(&elf, &text)?
        });
        infos.push(info);
    }
    if programs.is_empty() {
        return Err(error("the file holds no program"));
    }
    let root = programs.remove(0);
    Ok(File {
        class: ClassProgram {
            root,
            parts: programs,
            table: section(".rodata").unwrap_or_default().to_vec(),
        },
        btf: btf.to_vec(),
        infos,
    })
}

/// The code of a section and its relocations.
fn code(
    elf: &ElfFile64<'_, LittleEndian>,
    text: &object::read::elf::ElfSection64<'_, '_, LittleEndian>,
) -> Result<Program, ElfError> {
    let data = text.data().map_err(|cause| error(cause.to_string()))?;
    let (chunks, rest) = data.as_chunks::<INSN_BYTES>();
    if !rest.is_empty() || chunks.is_empty() {
        return Err(error("the code is not made of whole instructions"));
    }
    let mut code: Vec<Insn> = chunks.iter().copied().map(Insn::from_bytes).collect();
    let mut relocations = Vec::new();
    for (offset, relocation) in text.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return Err(error("a relocation wants no symbol"));
        };
        let symbol = elf
            .symbol_by_index(symbol)
            .map_err(|cause| error(cause.to_string()))?;
        let size = symbol.size();
        let symbol = symbol.name().map_err(|cause| error(cause.to_string()))?;
        let instruction = usize::try_from(offset).unwrap_or(usize::MAX) / INSN_BYTES;
        let Some([insn, _]) = code
            .get_mut(instruction..)
            .and_then(|rest| rest.first_chunk_mut::<2>())
        else {
            return Err(error("a relocation lies outside the code"));
        };
        let target = target(symbol, size, insn.immediate.cast_unsigned())
            .ok_or_else(|| error(format!("a relocation wants the unknown symbol `{symbol}`")))?;
        insn.immediate = 0;
        relocations.push(Relocation {
            instruction,
            target,
        });
    }
    relocations.sort_by_key(|relocation| relocation.instruction);
    Ok(Program {
        code,
        relocations,
        ..Program::default()
    })
}
