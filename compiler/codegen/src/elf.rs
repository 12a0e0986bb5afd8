//! Programs as ordinary BPF ELF files, readable by `bpftool` and `llvm-objdump`.
//!
//! Sections: `classifier/NAME` with the code, `.maps` with definitions of the maps, `license`,
//! `.BTF` and `.BTF.ext`. Maps are symbols in `.maps`; the offset of selector block `N` is the
//! undefined symbol `polc_block_N`. Both are wanted by `R_BPF_64_64` relocations.

use std::{collections::BTreeMap, fmt};

use object::{
    Architecture, BinaryFormat, Endianness, LittleEndian, Object as _, ObjectSection as _,
    ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope,
    read::elf::ElfFile64,
    write::{Object, Relocation as ElfRelocation, Symbol, SymbolId, SymbolSection},
};
use polc_abi::policy::{CONTINUATIONS_MAP, INPUT_MAP};

use crate::{
    btf,
    insn::{INSN_BYTES, Insn},
    program::{Program, Relocation, SourceLine, Target},
};

const CODE_SECTION_PREFIX: &str = "classifier/";
const BLOCK_PREFIX: &str = "polc_block_";
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

/// Writes a program. The same program gives the same bytes.
///
/// # Errors
/// Only what the writer reports about sections it cannot lay out.
pub fn write(program: &Program) -> Result<Vec<u8>, ElfError> {
    let mut elf = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let section_name = format!("{CODE_SECTION_PREFIX}{}", program.name);
    let sections = btf::encode(program, &section_name);

    let code: Vec<u8> = program
        .code
        .iter()
        .flat_map(|insn| insn.to_bytes())
        .collect();
    let text = elf.add_section(Vec::new(), section_name.into_bytes(), SectionKind::Text);
    let code_size = code.len() as u64;
    elf.append_section_data(text, &code, INSN_BYTES as u64);
    elf.add_symbol(symbol(
        &program.name,
        SymbolKind::Text,
        0,
        code_size,
        SymbolSection::Section(text),
    ));

    let maps = elf.add_section(Vec::new(), b".maps".to_vec(), SectionKind::Data);
    let mut map_symbols = Vec::new();
    for (name, ..) in btf::MAPS {
        let size = btf::MAP_DEFINITION_BYTES;
        let zeros = [0; btf::MAP_DEFINITION_BYTES as usize];
        let offset = elf.append_section_data(maps, &zeros, 8);
        let section = SymbolSection::Section(maps);
        map_symbols.push((
            name,
            elf.add_symbol(symbol(name, SymbolKind::Data, offset, size, section)),
        ));
    }
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

    let mut block_symbols: BTreeMap<u32, SymbolId> = BTreeMap::new();
    for relocation in &program.relocations {
        let map = |wanted| {
            map_symbols
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, id)| *id)
        };
        let symbol = match relocation.target {
            Target::InputMap => map(INPUT_MAP),
            Target::ContinuationsMap => map(CONTINUATIONS_MAP),
            Target::Block(block) => Some(*block_symbols.entry(block).or_insert_with(|| {
                let name = format!("{BLOCK_PREFIX}{block}");
                let section = SymbolSection::Undefined;
                elf.add_symbol(symbol(&name, SymbolKind::Unknown, 0, 0, section))
            })),
        };
        let relocation = ElfRelocation {
            offset: (relocation.instruction * INSN_BYTES) as u64,
            symbol: symbol.ok_or_else(|| error("a relocation wants an unknown map"))?,
            addend: 0,
            flags: RelocationFlags::Elf {
                r_type: object::elf::RelocationType(R_BPF_64_64),
            },
        };
        elf.add_relocation(text, relocation)
            .map_err(|cause| error(cause.to_string()))?;
    }
    elf.write().map_err(|cause| error(cause.to_string()))
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

/// A program as a file holds it, with what the kernel wants beside the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The program.
    pub program: Program,
    /// The type information, for `BPF_BTF_LOAD`.
    pub btf: Vec<u8>,
    /// `struct bpf_func_info` records, instruction offsets in instructions.
    pub func_info: Vec<u8>,
    /// Bytes of one record of [`Self::func_info`].
    pub func_info_record_bytes: u32,
    /// `struct bpf_line_info` records, instruction offsets in instructions.
    pub line_info: Vec<u8>,
    /// Bytes of one record of [`Self::line_info`].
    pub line_info_record_bytes: u32,
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
    let text = elf
        .sections()
        .find(|section| {
            section
                .name()
                .is_ok_and(|name| name.starts_with(CODE_SECTION_PREFIX))
        })
        .ok_or_else(|| error("the file holds no program"))?;
    let section_name = text.name().map_err(|cause| error(cause.to_string()))?;
    let name = section_name
        .strip_prefix(CODE_SECTION_PREFIX)
        .unwrap_or(section_name);

    let data = text.data().map_err(|cause| error(cause.to_string()))?;
    let (chunks, rest) = data.as_chunks::<INSN_BYTES>();
    if !rest.is_empty() || chunks.is_empty() {
        return Err(error("the code is not made of whole instructions"));
    }
    let code: Vec<Insn> = chunks.iter().copied().map(Insn::from_bytes).collect();

    let mut relocations = Vec::new();
    for (offset, relocation) in text.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return Err(error("a relocation wants no symbol"));
        };
        let symbol = elf
            .symbol_by_index(symbol)
            .map_err(|cause| error(cause.to_string()))?;
        let symbol = symbol.name().map_err(|cause| error(cause.to_string()))?;
        let target = target(symbol)
            .ok_or_else(|| error(format!("a relocation wants the unknown symbol `{symbol}`")))?;
        let instruction = usize::try_from(offset).unwrap_or(usize::MAX) / INSN_BYTES;
        if instruction + 1 >= code.len() {
            return Err(error("a relocation lies outside the code"));
        }
        relocations.push(Relocation {
            instruction,
            target,
        });
    }
    relocations.sort_by_key(|relocation| relocation.instruction);

    let section = |name: &str| {
        elf.section_by_name(name)
            .and_then(|section| section.data().ok())
            .ok_or_else(|| error(format!("the file has no section `{name}`")))
    };
    let btf = section(".BTF")?;
    let infos = Infos::read(btf, section(".BTF.ext")?)
        .ok_or_else(|| error("the debug information is damaged"))?;
    Ok(File {
        program: Program {
            name: name.to_owned(),
            code,
            relocations,
            lines: infos.lines,
        },
        btf: btf.to_vec(),
        func_info: infos.func_info,
        func_info_record_bytes: infos.func_info_record_bytes,
        line_info: infos.line_info,
        line_info_record_bytes: infos.line_info_record_bytes,
    })
}

fn target(symbol: &str) -> Option<Target> {
    match symbol {
        INPUT_MAP => Some(Target::InputMap),
        CONTINUATIONS_MAP => Some(Target::ContinuationsMap),
        _ => Some(Target::Block(
            symbol.strip_prefix(BLOCK_PREFIX)?.parse().ok()?,
        )),
    }
}

struct Infos {
    lines: Vec<SourceLine>,
    func_info: Vec<u8>,
    func_info_record_bytes: u32,
    line_info: Vec<u8>,
    line_info_record_bytes: u32,
}

impl Infos {
    fn read(btf: &[u8], ext: &[u8]) -> Option<Self> {
        let strings_at = u32_at(btf, 4)? + u32_at(btf, 16)?;
        let strings = btf.get(strings_at as usize..)?;
        let header = u32_at(ext, 4)?;
        let (func_info_record_bytes, funcs) = records(ext, header + u32_at(ext, 8)?)?;
        let (line_info_record_bytes, line_records) = records(ext, header + u32_at(ext, 16)?)?;
        let mut lines = Vec::new();
        let mut line_info = Vec::new();
        for record in line_records {
            let instruction = u32_at(record, 0)? as usize / INSN_BYTES;
            let place = u32_at(record, 12)?;
            lines.push(SourceLine {
                instruction,
                file: string_at(strings, u32_at(record, 4)?)?,
                line: place >> 10,
                column: place & 0x3ff,
                text: string_at(strings, u32_at(record, 8)?)?,
            });
            line_info.extend(in_instructions(record)?);
        }
        let func_info = funcs
            .into_iter()
            .map(in_instructions)
            .collect::<Option<Vec<_>>>()?
            .concat();
        Some(Self {
            lines,
            func_info,
            func_info_record_bytes,
            line_info,
            line_info_record_bytes,
        })
    }
}

/// The records of the only section of a `.BTF.ext` part, and their size.
fn records(ext: &[u8], at: u32) -> Option<(u32, Vec<&[u8]>)> {
    let at = at as usize;
    let size = u32_at(ext, at)?;
    let count = u32_at(ext, at.checked_add(8)?)? as usize;
    let bytes = ext.get(at.checked_add(12)?..)?;
    if size < 8 || count > bytes.len() / size as usize {
        return None;
    }
    Some((
        size,
        bytes.chunks_exact(size as usize).take(count).collect(),
    ))
}

/// A record whose offset in bytes is rewritten as an offset in instructions, as the kernel wants.
fn in_instructions(record: &[u8]) -> Option<Vec<u8>> {
    let index = u32_at(record, 0)? / u32::try_from(INSN_BYTES).ok()?;
    let mut record = record.to_vec();
    record.get_mut(..4)?.copy_from_slice(&index.to_le_bytes());
    Some(record)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn string_at(strings: &[u8], at: u32) -> Option<String> {
    let bytes = strings.get(at as usize..)?;
    let end = bytes.iter().position(|&byte| byte == 0)?;
    String::from_utf8(bytes.get(..end)?.to_vec()).ok()
}
