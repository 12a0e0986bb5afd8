//! From a Plan to eBPF programs, as ordinary ELF.
