use crate::elf;

#[test]
fn damaged_files_are_refused_with_a_reason() {
    assert!(
        elf::read(b"")
            .unwrap_err()
            .message
            .contains("not an ELF file")
    );
    assert!(
        elf::read(&[0x7f; 64])
            .unwrap_err()
            .message
            .contains("not an ELF file")
    );
}
