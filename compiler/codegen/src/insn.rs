//! One eBPF instruction, as the kernel encodes it (RFC 9669).

/// A register. `R10` is the read-only frame pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the registers' names are their documentation")]
pub enum Register {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
    R6 = 6,
    R7 = 7,
    R8 = 8,
    R9 = 9,
    R10 = 10,
}

/// An encoded instruction. A 64-bit immediate load takes two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Operation code.
    pub opcode: u8,
    /// Destination register, 0 to 15.
    pub destination: u8,
    /// Source register, 0 to 15.
    pub source: u8,
    /// Offset: of memory, in bytes, or of a jump, in instructions.
    pub offset: i16,
    /// Immediate value.
    pub immediate: i32,
}

/// Bytes of an instruction.
pub const INSN_BYTES: usize = 8;

impl Insn {
    /// The kernel's encoding, little-endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; INSN_BYTES] {
        let [offset_0, offset_1] = self.offset.to_le_bytes();
        let [imm_0, imm_1, imm_2, imm_3] = self.immediate.to_le_bytes();
        let registers = (self.source << 4) | (self.destination & 0x0f);
        [
            self.opcode,
            registers,
            offset_0,
            offset_1,
            imm_0,
            imm_1,
            imm_2,
            imm_3,
        ]
    }

    /// The inverse of [`Self::to_bytes`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; INSN_BYTES]) -> Self {
        let [
            opcode,
            registers,
            offset_0,
            offset_1,
            imm_0,
            imm_1,
            imm_2,
            imm_3,
        ] = bytes;
        Self {
            opcode,
            destination: registers & 0x0f,
            source: registers >> 4,
            offset: i16::from_le_bytes([offset_0, offset_1]),
            immediate: i32::from_le_bytes([imm_0, imm_1, imm_2, imm_3]),
        }
    }
}

/// Operation codes that generated programs use.
pub mod opcode {
    /// `dst = imm64`, in two instructions.
    pub const LOAD_IMM64: u8 = 0x18;
    /// `dst = *(u8 *)(src + off)`
    pub const LOAD_U8: u8 = 0x71;
    /// `dst = *(u16 *)(src + off)`
    pub const LOAD_U16: u8 = 0x69;
    /// `dst = *(u32 *)(src + off)`
    pub const LOAD_U32: u8 = 0x61;
    /// `dst = *(u64 *)(src + off)`
    pub const LOAD_U64: u8 = 0x79;
    /// `*(u32 *)(dst + off) = imm`
    pub const STORE_U32_IMM: u8 = 0x62;
    /// `*(u32 *)(dst + off) = src`
    pub const STORE_U32: u8 = 0x63;
    /// `*(u64 *)(dst + off) = src`
    pub const STORE_U64: u8 = 0x7b;
    /// `dst = src`, 64 bits.
    pub const MOV64_REG: u8 = 0xbf;
    /// `dst = imm`, 64 bits.
    pub const MOV64_IMM: u8 = 0xb7;
    /// `dst += imm`, 64 bits.
    pub const ADD64_IMM: u8 = 0x07;
    /// `dst += src`, 64 bits.
    pub const ADD64_REG: u8 = 0x0f;
    /// `dst *= imm`, 64 bits.
    pub const MUL64_IMM: u8 = 0x27;
    /// `dst *= src`, 64 bits.
    pub const MUL64_REG: u8 = 0x2f;
    /// `dst &= imm`, 64 bits.
    pub const AND64_IMM: u8 = 0x57;
    /// `dst &= src`, 64 bits.
    pub const AND64_REG: u8 = 0x5f;
    /// `dst |= src`, 64 bits.
    pub const OR64_REG: u8 = 0x4f;
    /// `dst <<= imm`, 64 bits.
    pub const SHIFT_LEFT64_IMM: u8 = 0x67;
    /// `dst >>= imm`, 64 bits.
    pub const SHIFT_RIGHT64_IMM: u8 = 0x77;
    /// `destination >>= source`
    pub const SHIFT_RIGHT64_REG: u8 = 0x7f;
    /// `dst -= src`, 64 bits.
    pub const SUB64_REG: u8 = 0x1f;
    /// `goto +off`
    pub const JUMP: u8 = 0x05;
    /// `if dst == imm goto +off`, 64 bits.
    pub const JUMP_EQ64_IMM: u8 = 0x15;
    /// `if dst != imm goto +off`, 64 bits.
    pub const JUMP_NE64_IMM: u8 = 0x55;
    /// `if (u32) dst >= imm goto +off`
    pub const JUMP_GE32_IMM: u8 = 0x36;
    /// `if (u32) dst & imm goto +off`
    pub const JUMP_SET32_IMM: u8 = 0x46;
    /// Calls a helper.
    pub const CALL: u8 = 0x85;
    /// Returns `r0`.
    pub const EXIT: u8 = 0x95;
}

/// Helpers that generated programs call.
pub mod helper {
    /// `bpf_map_lookup_elem`
    pub const MAP_LOOKUP: i32 = 1;
    /// `bpf_tail_call`
    pub const TAIL_CALL: i32 = 12;
}

/// `src` of a [`LOAD_IMM64`](opcode::LOAD_IMM64) whose immediate is a map's file descriptor.
pub const PSEUDO_MAP_FD: u8 = 1;
/// `src` of a [`LOAD_IMM64`](opcode::LOAD_IMM64) whose first immediate is the file descriptor of an
/// array of one value, and whose second is an offset into that value.
pub const PSEUDO_MAP_VALUE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_survives_a_round_trip() {
        let insn = Insn {
            opcode: opcode::JUMP_SET32_IMM,
            destination: 3,
            source: 9,
            offset: -2,
            immediate: i32::MIN,
        };
        assert_eq!(Insn::from_bytes(insn.to_bytes()), insn);
        assert_eq!(insn.to_bytes(), [0x46, 0x93, 0xfe, 0xff, 0, 0, 0, 0x80]);
    }
}
