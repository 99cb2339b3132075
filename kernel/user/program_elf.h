/* SPDX-License-Identifier: BSD-2-Clause
 *
 * program_elf.h - what of an ELF file makes a program: segments to load, and where it begins.
 */
#ifndef MERIDIAN_KERNEL_USER_PROGRAM_ELF_H
#define MERIDIAN_KERNEL_USER_PROGRAM_ELF_H

#include "lib/status.h"
#include "lib/types.h"

#define PROGRAM_SEGMENTS_MOST 4u

struct program_segment {
    uint64_t start;
    uint64_t memory_bytes;
    const uint8_t *bytes; /* in the file */
    uint64_t file_bytes;  /* the rest of the memory is zero */
    unsigned rights;      /* enum user_right */
};

struct program_layout {
    struct program_segment segments[PROGRAM_SEGMENTS_MOST];
    unsigned segment_count;
    uint64_t entry;
};

/* Where the fields of an ELF file lie: one for each width. */
struct program_elf_format;
extern const struct program_elf_format program_elf_32, program_elf_64;

/* Reads the file of `size_bytes` at `file`, an outsider's, which must stay: segments point into it.
 * STATUS_TRUNCATED when it ends too early, STATUS_UNSUPPORTED when it is no fixed program of this
 * format, STATUS_CORRUPT when it contradicts itself, STATUS_DENIED when it wants memory that is both
 * writable and executable or not a program's (user/abi.h). */
enum status program_elf_read(const struct program_elf_format *format, const uint8_t *file,
                             size_t size_bytes, struct program_layout *layout);

#endif
