/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_kernel.h - a small kernel's ELF file, for tests to spoil.
 *
 *     file     0 ELF header, program headers | 0x1000 text | 0x2000 rodata | 0x3000 data
 *     image    base + 0 text r-x | + 0x1000 rodata r-- (dynamic, relocations) | + 0x3000 data rw-
 */
#ifndef MERIDIAN_TESTS_ELF_KERNEL_H
#define MERIDIAN_TESTS_ELF_KERNEL_H

#include "efi/elf.h"
#include "efi/elf_format.h"
#include "lib/types.h"

#include <string.h>

#define BASE        0xffffffff80000000u
#define ENTRY       0x40u
#define FILE_BYTES  0x3100u
#define IMAGE_BYTES 0x5000u
#define DATA        0x3000u /* where the data segment begins in the image; as in the file */
#define RELOCATIONS 3u

struct kernel {
    struct elf_header header;
    struct elf_program_header segments[5]; /* text, rodata, data, dynamic, spare */
    struct elf_dynamic dynamic[8];
    struct elf_relocation relocations[RELOCATIONS];
    size_t file_bytes;
    bool size_unknown;
};

static inline struct kernel good_kernel(void)
{
    return (struct kernel){
        .header = { .ident = { 0x7f, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LITTLE, ELF_VERSION },
                    .type = ELF_TYPE_SHARED,
                    .machine = ELF_MACHINE_X86_64,
                    .version = ELF_VERSION,
                    .entry = BASE + ENTRY,
                    .program_headers = sizeof(struct elf_header),
                    .header_bytes = sizeof(struct elf_header),
                    .program_header_bytes = sizeof(struct elf_program_header),
                    .program_header_count = 4 },
        .segments = {
            { ELF_SEGMENT_LOAD, ELF_READ | ELF_EXECUTE, 0x1000, BASE, 0, 0x800, 0x800, 0x1000 },
            { ELF_SEGMENT_LOAD, ELF_READ, 0x2000, BASE + 0x1000, 0, 0x400, 0x400, 0x1000 },
            { ELF_SEGMENT_LOAD, ELF_READ | ELF_WRITE, 0x3000, BASE + DATA, 0, 0x100, 0x1800,
              0x1000 },
            { ELF_SEGMENT_DYNAMIC, ELF_READ, 0x2000, BASE + 0x1000, 0, 0x80, 0x80, 8 },
        },
        .dynamic = { { ELF_DYNAMIC_RELA, BASE + 0x1100 },
                     { ELF_DYNAMIC_RELA_BYTES, RELOCATIONS * sizeof(struct elf_relocation) },
                     { ELF_DYNAMIC_RELA_ENTRY_BYTES, sizeof(struct elf_relocation) } },
        .relocations = { { BASE + DATA, ELF_RELOCATION_RELATIVE, 0, (int64_t)(BASE + 0x10) },
                         { BASE + DATA + 0x33, ELF_RELOCATION_RELATIVE, 0, (int64_t)BASE },
                         { BASE + IMAGE_BYTES - 8, ELF_RELOCATION_RELATIVE, 0,
                           (int64_t)(BASE + IMAGE_BYTES) } },
        .file_bytes = FILE_BYTES,
    };
}

/* Its headers and tables into `file`, which has FILE_BYTES bytes; the rest of it is the caller's. */
static inline void kernel_write(const struct kernel *kernel, uint8_t *file)
{
    memcpy(file, &kernel->header, sizeof(kernel->header));
    memcpy(file + 64, kernel->segments, sizeof(kernel->segments));
    memcpy(file + 0x2000, kernel->dynamic, sizeof(kernel->dynamic));
    memcpy(file + 0x2100, kernel->relocations, sizeof(kernel->relocations));
}

#endif
