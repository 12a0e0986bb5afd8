//! BTF for a program: its function, the source line of every instruction, and the definitions of
//! the maps it uses (kernel documentation, `bpf/btf.rst`).

use std::collections::BTreeMap;

use polc_abi::{
    map::POLICIES,
    policy::{
        CONTINUATIONS, CONTINUATIONS_MAP, INPUT_MAP, MAX_SIGNATURE_BYTES, PORT_NAMES_MAP,
        PROGRAM_SLOTS, PolicyInput, PortNamesKey, SIGNATURES_MAP,
    },
};

use crate::{
    elf::{Infos, section_name},
    insn::INSN_BYTES,
    program::{ClassProgram, Program, SourceLine},
};

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
const HEADER_BYTES: u32 = 24;
/// With the two fields for relocations of kernel structures, of which programs have none.
const EXT_HEADER_BYTES: u32 = 32;
const FUNC_RECORD_BYTES: u32 = 8;
const LINE_RECORD_BYTES: u32 = 16;

/// Bytes of one map's definition in `.maps`: four pointers.
pub(crate) const MAP_DEFINITION_BYTES: u64 = 32;

/// A map as `.maps` defines it. Sizes are in bytes.
pub(crate) struct MapDefinition {
    pub(crate) name: &'static str,
    /// Numbered by the kernel.
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
}

impl MapDefinition {
    const fn new(name: &'static str, kind: u32, key: u32, value: u32, entries: u32) -> Self {
        Self {
            name,
            kind,
            key,
            value,
            entries,
        }
    }
}

/// The maps in the order of their definitions. A node makes signatures and names of ports of the
/// size that it needs.
#[expect(clippy::cast_possible_truncation, reason = "structures of a few bytes")]
pub(crate) const MAPS: [MapDefinition; 5] = {
    let input = size_of::<PolicyInput>() as u32;
    let signature = MAX_SIGNATURE_BYTES as u32;
    let port = size_of::<PortNamesKey>() as u32;
    [
        MapDefinition::new(INPUT_MAP, PERCPU_ARRAY, 4, input, 1),
        MapDefinition::new(CONTINUATIONS_MAP, PROG_ARRAY, 4, 4, CONTINUATIONS),
        MapDefinition::new(SIGNATURES_MAP, ARRAY, 4, signature, 1),
        MapDefinition::new(PORT_NAMES_MAP, HASH, port, 8, 1),
        MapDefinition::new(POLICIES, PROG_ARRAY, 4, 4, PROGRAM_SLOTS),
    ]
};
/// Map types, numbered by the kernel.
const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PROG_ARRAY: u32 = 3;
const PERCPU_ARRAY: u32 = 6;

/// The sections `.BTF` and `.BTF.ext`.
pub(crate) struct Sections {
    pub(crate) btf: Vec<u8>,
    pub(crate) btf_ext: Vec<u8>,
}

/// Encodes both sections.
pub(crate) fn encode(class: &ClassProgram) -> Sections {
    let mut strings = Strings::default();
    let mut types = Types::default();
    let proto = types.function_type(&mut strings);
    let functions: Vec<u32> = class
        .programs()
        .map(|program| types.function(&mut strings, proto, &program.name))
        .collect();
    types.maps(&mut strings);
    let btf_ext = encode_ext(class, &functions, &mut strings);

    let mut btf = Vec::new();
    let (types, strings) = (types.bytes, strings.finish());
    put_u16(&mut btf, MAGIC);
    btf.extend([VERSION, 0]);
    put_u32(&mut btf, HEADER_BYTES);
    put_u32(&mut btf, 0);
    put_u32(&mut btf, length(&types));
    put_u32(&mut btf, length(&types));
    put_u32(&mut btf, length(&strings));
    btf.extend(types);
    btf.extend(strings);
    Sections { btf, btf_ext }
}

fn encode_ext(class: &ClassProgram, functions: &[u32], strings: &mut Strings) -> Vec<u8> {
    let mut funcs = Vec::new();
    let mut lines = Vec::new();
    put_u32(&mut funcs, FUNC_RECORD_BYTES);
    put_u32(&mut lines, LINE_RECORD_BYTES);
    for (program, &function) in class.programs().zip(functions) {
        let section = strings.add(&section_name(&program.name));
        put_u32(&mut funcs, section);
        put_u32(&mut funcs, 1);
        put_u32(&mut funcs, 0);
        put_u32(&mut funcs, function);
        encode_lines(&mut lines, section, program, strings);
    }

    let mut ext = Vec::new();
    put_u16(&mut ext, MAGIC);
    ext.extend([VERSION, 0]);
    put_u32(&mut ext, EXT_HEADER_BYTES);
    put_u32(&mut ext, 0);
    put_u32(&mut ext, length(&funcs));
    put_u32(&mut ext, length(&funcs));
    put_u32(&mut ext, length(&lines));
    put_u32(&mut ext, length(&funcs) + length(&lines));
    put_u32(&mut ext, 0);
    ext.extend(funcs);
    ext.extend(lines);
    ext
}

fn encode_lines(lines: &mut Vec<u8>, section: u32, program: &Program, strings: &mut Strings) {
    put_u32(lines, section);
    put_u32(lines, length(&program.lines));
    for line in &program.lines {
        put_u32(lines, saturate(line.instruction * INSN_BYTES));
        put_u32(lines, strings.add(&line.file));
        put_u32(lines, strings.add(&line.text));
        // 22 bits of line, 10 of column.
        put_u32(lines, (line.line << 10) | line.column.min(0x3ff));
    }
}

/// `.BTF.ext`, read.
pub(crate) struct Lines<'a> {
    strings: &'a [u8],
    functions: Vec<Records<'a>>,
    lines: Vec<Records<'a>>,
}

/// The records of a section of code.
struct Records<'a> {
    section: u32,
    records: Vec<&'a [u8]>,
}

impl<'a> Lines<'a> {
    pub(crate) fn read(btf: &'a [u8], ext: &'a [u8]) -> Option<Self> {
        let strings_at = u32_at(btf, 4)?.checked_add(u32_at(btf, 16)?)?;
        let header = u32_at(ext, 4)?;
        let part = |offset, length| {
            let start = header.checked_add(u32_at(ext, offset)?)? as usize;
            let length = u32_at(ext, length)? as usize;
            ext.get(start..start.checked_add(length)?)
        };
        Some(Self {
            strings: btf.get(strings_at as usize..)?,
            functions: records(part(8, 12)?, FUNC_RECORD_BYTES)?,
            lines: records(part(16, 20)?, LINE_RECORD_BYTES)?,
        })
    }

    /// The source lines of a section of code, and what the kernel wants to know of it.
    pub(crate) fn of_section(&self, section: &str) -> Option<(Vec<SourceLine>, Infos)> {
        let find = |parts: &[Records<'a>]| -> Option<Vec<&'a [u8]>> {
            let part = parts
                .iter()
                .find(|part| string_at(self.strings, part.section).as_deref() == Some(section))?;
            Some(part.records.clone())
        };
        let mut lines = Vec::new();
        let mut line_info = Vec::new();
        for record in find(&self.lines)? {
            let place = u32_at(record, 12)?;
            lines.push(SourceLine {
                instruction: u32_at(record, 0)? as usize / INSN_BYTES,
                file: string_at(self.strings, u32_at(record, 4)?)?,
                line: place >> 10,
                column: place & 0x3ff,
                text: string_at(self.strings, u32_at(record, 8)?)?,
            });
            line_info.extend(in_instructions(record)?);
        }
        let functions = find(&self.functions)?;
        let func_info = functions
            .into_iter()
            .map(in_instructions)
            .collect::<Option<Vec<_>>>()?
            .concat();
        Some((
            lines,
            Infos {
                func_info,
                line_info,
            },
        ))
    }
}

/// The records of a part of `.BTF.ext`, section by section.
fn records(part: &[u8], record_bytes: u32) -> Option<Vec<Records<'_>>> {
    if u32_at(part, 0)? != record_bytes {
        return None;
    }
    let mut rest = part.get(4..)?;
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let (section, count) = (u32_at(rest, 0)?, u32_at(rest, 4)?);
        let bytes = (count as usize).checked_mul(record_bytes as usize)?;
        let (records, behind) = rest.get(8..)?.split_at_checked(bytes)?;
        sections.push(Records {
            section,
            records: records.chunks_exact(record_bytes as usize).collect(),
        });
        rest = behind;
    }
    Some(sections)
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

/// The string section: each string once, in order of first use.
struct Strings {
    bytes: Vec<u8>,
    offsets: BTreeMap<String, u32>,
}

impl Default for Strings {
    fn default() -> Self {
        // Offset 0 is the empty string.
        Self {
            bytes: vec![0],
            offsets: BTreeMap::from([(String::new(), 0)]),
        }
    }
}

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        if let Some(&offset) = self.offsets.get(text) {
            return offset;
        }
        let offset = length(&self.bytes);
        self.bytes.extend(text.bytes().filter(|&byte| byte != 0));
        self.bytes.push(0);
        self.offsets.insert(text.to_owned(), offset);
        offset
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Kinds of types, as `info >> 24` holds them.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const POINTER: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
}

#[derive(Default)]
struct Types {
    bytes: Vec<u8>,
    count: u32,
}

impl Types {
    const INT: u32 = 1;
    const VOID: u32 = 0;

    /// `int (void *ctx)`, and the types it needs.
    fn function_type(&mut self, strings: &mut Strings) -> u32 {
        let int = self.add(strings.add("int"), kind::INT, 0, 4, &[(1 << 24) | 32]);
        debug_assert_eq!(int, Self::INT);
        let context = self.add(0, kind::POINTER, 0, Self::VOID, &[]);
        self.add(0, kind::FUNC_PROTO, 1, int, &[strings.add("ctx"), context])
    }

    /// A function of this type.
    fn function(&mut self, strings: &mut Strings, proto: u32, name: &str) -> u32 {
        self.add(strings.add(name), kind::FUNC, 0, proto, &[])
    }

    /// Definitions of the maps, in the form that libbpf reads: numbers as lengths of arrays.
    fn maps(&mut self, strings: &mut Strings) {
        let mut variables = Vec::new();
        for map in MAPS {
            let mut members = Vec::new();
            let fields = [
                ("type", map.kind),
                ("key_size", map.key),
                ("value_size", map.value),
                ("max_entries", map.entries),
            ];
            for (offset, (field, number)) in (0..).step_by(64).zip(fields) {
                let array = self.add(0, kind::ARRAY, 0, 0, &[Self::INT, Self::INT, number]);
                let pointer = self.add(0, kind::POINTER, 0, array, &[]);
                members.extend([strings.add(field), pointer, offset]);
            }
            #[expect(clippy::cast_possible_truncation, reason = "a constant of 32")]
            let definition = self.add(0, kind::STRUCT, 4, MAP_DEFINITION_BYTES as u32, &members);
            let global = 1;
            variables.push(self.add(strings.add(map.name), kind::VAR, 0, definition, &[global]));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a constant of 32")]
        let size = MAP_DEFINITION_BYTES as u32;
        let entries: Vec<u32> = (0..)
            .zip(&variables)
            .flat_map(|(index, &variable)| [variable, index * size, size])
            .collect();
        let count = length(&variables);
        self.add(
            strings.add(".maps"),
            kind::DATASEC,
            count,
            count * size,
            &entries,
        );
    }

    /// Appends a type: name, kind, `vlen`, size or type, and what follows. Returns its id.
    fn add(&mut self, name: u32, kind: u32, count: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        put_u32(&mut self.bytes, name);
        put_u32(&mut self.bytes, (kind << 24) | count);
        put_u32(&mut self.bytes, size_or_type);
        for &word in rest {
            put_u32(&mut self.bytes, word);
        }
        self.count += 1;
        self.count
    }
}

fn put_u16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend(value.to_le_bytes());
}

fn put_u32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend(value.to_le_bytes());
}

fn length<T>(items: &[T]) -> u32 {
    saturate(items.len())
}

/// Sections are far below 4 GiB: the assembler's jumps limit the code.
fn saturate(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
