//! BTF for a program: its function, the source line of every instruction, and the definitions of
//! the maps it uses (kernel documentation, `bpf/btf.rst`).

use std::collections::BTreeMap;

use polc_abi::policy::{CONTINUATIONS, CONTINUATIONS_MAP, INPUT_MAP, PolicyInput};

use crate::{insn::INSN_BYTES, program::Program};

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
const HEADER_BYTES: u32 = 24;
/// With the two fields for relocations of kernel structures, of which programs have none.
const EXT_HEADER_BYTES: u32 = 32;
const FUNC_RECORD_BYTES: u32 = 8;
const LINE_RECORD_BYTES: u32 = 16;

/// Bytes of one map's definition in `.maps`: four pointers.
pub(crate) const MAP_DEFINITION_BYTES: u64 = 32;

/// The maps in the order of their definitions: name, kernel map type, value size, entries. All
/// have 4-byte keys.
#[expect(clippy::cast_possible_truncation, reason = "a structure of 144 bytes")]
pub(crate) const MAPS: [(&str, u32, u32, u32); 2] = [
    (INPUT_MAP, 6, size_of::<PolicyInput>() as u32, 1), // BPF_MAP_TYPE_PERCPU_ARRAY
    (CONTINUATIONS_MAP, 3, 4, CONTINUATIONS),           // BPF_MAP_TYPE_PROG_ARRAY
];

/// The sections `.BTF` and `.BTF.ext`.
pub(crate) struct Sections {
    pub(crate) btf: Vec<u8>,
    pub(crate) btf_ext: Vec<u8>,
}

/// Encodes both sections. `section` is the name of the section with the code.
pub(crate) fn encode(program: &Program, section: &str) -> Sections {
    let mut strings = Strings::default();
    let mut types = Types::default();
    let function = types.function(&mut strings, &program.name);
    types.maps(&mut strings);
    let btf_ext = encode_ext(program, section, function, &mut strings);

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

fn encode_ext(program: &Program, section: &str, function: u32, strings: &mut Strings) -> Vec<u8> {
    let section = strings.add(section);
    let mut funcs = Vec::new();
    put_u32(&mut funcs, FUNC_RECORD_BYTES);
    put_u32(&mut funcs, section);
    put_u32(&mut funcs, 1);
    put_u32(&mut funcs, 0);
    put_u32(&mut funcs, function);

    let mut lines = Vec::new();
    put_u32(&mut lines, LINE_RECORD_BYTES);
    put_u32(&mut lines, section);
    put_u32(&mut lines, length(&program.lines));
    for line in &program.lines {
        put_u32(&mut lines, saturate(line.instruction * INSN_BYTES));
        put_u32(&mut lines, strings.add(&line.file));
        put_u32(&mut lines, strings.add(&line.text));
        // 22 bits of line, 10 of column.
        put_u32(&mut lines, (line.line << 10) | line.column.min(0x3ff));
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

    /// `int name(void *ctx)`, and the types it needs. Returns the id of the function.
    fn function(&mut self, strings: &mut Strings, name: &str) -> u32 {
        let int = self.add(strings.add("int"), kind::INT, 0, 4, &[(1 << 24) | 32]);
        debug_assert_eq!(int, Self::INT);
        let context = self.add(0, kind::POINTER, 0, Self::VOID, &[]);
        let proto = self.add(0, kind::FUNC_PROTO, 1, int, &[strings.add("ctx"), context]);
        self.add(strings.add(name), kind::FUNC, 0, proto, &[])
    }

    /// Definitions of the maps, in the form that libbpf reads: numbers as lengths of arrays.
    fn maps(&mut self, strings: &mut Strings) {
        let mut variables = Vec::new();
        for (name, map_type, value_size, entries) in MAPS {
            let mut members = Vec::new();
            let fields = [
                ("type", map_type),
                ("key_size", 4),
                ("value_size", value_size),
                ("max_entries", entries),
            ];
            for (offset, (field, number)) in (0..).step_by(64).zip(fields) {
                let array = self.add(0, kind::ARRAY, 0, 0, &[Self::INT, Self::INT, number]);
                let pointer = self.add(0, kind::POINTER, 0, array, &[]);
                members.extend([strings.add(field), pointer, offset]);
            }
            #[expect(clippy::cast_possible_truncation, reason = "a constant of 32")]
            let definition = self.add(0, kind::STRUCT, 4, MAP_DEFINITION_BYTES as u32, &members);
            let global = 1;
            variables.push(self.add(strings.add(name), kind::VAR, 0, definition, &[global]));
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
