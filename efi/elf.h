/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.h - a kernel's ELF file: checked, loaded, relocated.
 *
 * Accepted: 64-bit little-endian x86-64, either a static position-independent executable (whose
 * relocations are R_X86_64_RELATIVE) or a fixed one in the last 2 GiB, without relocations.
 * Loadable segments are in ascending order, share no page, and none is writable and executable;
 * the entry lies in an executable one.
 *
 * In this order: elf_parse() checks all headers before a byte is loaded; elf_load() fills pages of
 * the loader's; elf_read_dynamic() finds the relocations in them; elf_relocate() checks and applies
 * these one by one. The dynamic section is read from memory, since it often lies at the far end of
 * the file, and seeking there and back costs as much as reading.
 *
 * Sources: System V ABI (gABI) chapters 4 and 5; x86-64 psABI 4.4; DT_FLAGS_1 as in GNU ld.
 */
#ifndef MERIDIAN_EFI_ELF_H
#define MERIDIAN_EFI_ELF_H

#include "refusal.h"
#include "source.h"

#define ELF_MAX_SEGMENTS    16u
#define ELF_MAX_IMAGE_BYTES (1u << 30)

/* p_flags */
enum elf_right {
    ELF_EXECUTE = 1u << 0,
    ELF_WRITE = 1u << 1,
    ELF_READ = 1u << 2,
};

struct elf_segment {
    uint64_t offset;       /* in the file */
    uint64_t file_bytes;   /* the rest, up to memory_bytes, is zero */
    uint64_t start;        /* from the image's base; not page-aligned, always */
    uint64_t memory_bytes; /* > 0 */
    uint32_t rights;       /* enum elf_right */
};

/* What a file asks for. Offsets named `start` are relative to the image's base. */
struct elf_image {
    uint64_t base;          /* page-aligned link address of the lowest page */
    uint64_t size_bytes;    /* whole pages, at most ELF_MAX_IMAGE_BYTES */
    uint64_t alignment;     /* that the segments want: a power of two, at least a page */
    uint64_t entry;         /* from the base */
    bool relocatable;       /* may run at any address that is congruent to `base` by `alignment` */
    uint64_t dynamic_start; /* the dynamic section; 0 bytes where there is none */
    uint64_t dynamic_bytes;
    uint64_t table_start; /* the relocations; 0 bytes where there are none */
    uint64_t table_bytes;
    unsigned segment_count;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
};

/* Reads and checks the headers. Nothing is written but `image`, and that only on success. */
enum status elf_parse(struct source *source, struct elf_image *image, struct refusal *refusal);

/* Reads every segment straight to its place in `memory` (image->size_bytes bytes, page-aligned)
 * and zeroes the rest. */
enum status elf_load(struct source *source, const struct elf_image *image, void *memory,
                     struct refusal *refusal);

/* Finds the relocations of a loaded image, and learns whether it is position-independent: GNU ld
 * marks such an executable as a fixed one when it is linked at an address other than 0, and only
 * its dynamic section tells. */
enum status elf_read_dynamic(struct elf_image *image, const void *memory, struct refusal *refusal);

/* Applies the relocations for an image that is loaded at `memory` and will run at `address`, which
 * is its base where it is not relocatable. On failure the image is unusable. */
enum status elf_relocate(const struct elf_image *image, void *memory, uint64_t address,
                         struct refusal *refusal);

#endif
