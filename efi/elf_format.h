/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_format.h - the structures and numbers of an ELF64 file, as far as a loader needs them.
 *
 * Source: System V ABI (gABI) chapters 4 and 5; x86-64 psABI 4.1 and 4.4.
 */
#ifndef MERIDIAN_EFI_ELF_FORMAT_H
#define MERIDIAN_EFI_ELF_FORMAT_H

#include "lib/types.h"

enum elf_ident {
    ELF_IDENT_CLASS = 4,
    ELF_IDENT_DATA = 5,
    ELF_IDENT_VERSION = 6,
    ELF_IDENT_BYTES = 16,
};

#define ELF_MAGIC            "\177ELF"
#define ELF_MAGIC_BYTES      4
#define ELF_CLASS_64         2
#define ELF_DATA_LITTLE      1
#define ELF_VERSION          1

#define ELF_TYPE_RELOCATABLE 1
#define ELF_TYPE_EXECUTABLE  2
#define ELF_TYPE_SHARED      3
#define ELF_TYPE_CORE        4

#define ELF_MACHINE_386      3
#define ELF_MACHINE_PPC64    21
#define ELF_MACHINE_ARM      40
#define ELF_MACHINE_X86_64   62
#define ELF_MACHINE_AARCH64  183
#define ELF_MACHINE_RISCV    243

struct elf_header {
    uint8_t ident[ELF_IDENT_BYTES];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers; /* offset in the file */
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_header_bytes;
    uint16_t program_header_count;
    uint16_t section_header_bytes;
    uint16_t section_header_count;
    uint16_t section_names;
};
static_assert(sizeof(struct elf_header) == 64, "gABI, 4 'ELF Header'");

#define ELF_SEGMENT_LOAD        1u
#define ELF_SEGMENT_DYNAMIC     2u
#define ELF_SEGMENT_INTERPRETER 3u

struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t alignment;
};
static_assert(sizeof(struct elf_program_header) == 56, "gABI, 5 'Program Header'");

enum elf_dynamic_tag {
    ELF_DYNAMIC_END = 0,
    ELF_DYNAMIC_NEEDED = 1,
    ELF_DYNAMIC_PLT_BYTES = 2,
    ELF_DYNAMIC_RELA = 7,
    ELF_DYNAMIC_RELA_BYTES = 8,
    ELF_DYNAMIC_RELA_ENTRY_BYTES = 9,
    ELF_DYNAMIC_REL_BYTES = 18,
    ELF_DYNAMIC_RELR_BYTES = 35,
    ELF_DYNAMIC_FLAGS_1 = 0x6ffffffb,
};

#define ELF_FLAG_1_PIE ((uint64_t)1 << 27)

struct elf_dynamic {
    int64_t tag;
    uint64_t value;
};
static_assert(sizeof(struct elf_dynamic) == 16, "gABI, 5 'Dynamic Section'");

#define ELF_RELOCATION_NONE     0u
#define ELF_RELOCATION_RELATIVE 8u

struct elf_relocation {
    uint64_t place; /* link address */
    uint32_t type;
    uint32_t symbol;
    int64_t addend;
};
static_assert(sizeof(struct elf_relocation) == 24, "gABI, 4 'Relocation'");

#endif
