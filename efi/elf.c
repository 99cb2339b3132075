/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.c - the headers of a kernel: see elf.h. Every number in them is an outsider's: sums are
 * formed with checks, and offsets are compared with what is left, never added first.
 *
 *     file    | ELF header | program headers |  text  |  rodata  |  data  |
 *                                                 |        |          |
 *     image   base                                v        v          v       base + size
 *             |.............. pages .........|  text  |  rodata  |  data | zero |
 *
 * Pure: no firmware call, also built hosted. Relocations are in elf_relocate.c.
 */
#include "elf.h"

#include "elf_format.h"
#include "lib/bits.h"
#include "lib/string.h"

#define ADVICE_DAMAGED      "Copy the kernel to the volume again: the file is damaged."
#define ADVICE_KIND         "Use a kernel for x86-64, linked as a static (position-independent) executable."
#define ADVICE_LINK         "Change the kernel's linker script: see docs/boot-protocol.md."

/* Program headers are few; more are a sign of damage. */
#define MAX_PROGRAM_HEADERS 64u

/* A fixed kernel lies in the last 2 GiB, where code of the kernel model reaches everything; the
 * very last page stays free, so that no range ends at 2^64. */
#define FIXED_LOWEST        0xffffffff80000000u
#define FIXED_END           0xfffffffffffff000u

struct parse {
    struct source *source;
    struct refusal *refusal;
    struct elf_header header;
    struct elf_image image;
};

/*@ predicate valid_parse(struct parse *parse) = \valid(parse) && \valid_read(parse->source) &&
  @   \valid(parse->refusal) && \separated(parse, parse->source, parse->refusal);
  @ predicate valid_header(struct parse *parse, struct elf_program_header *header) =
  @   \valid_read(header) && \separated(header, parse, parse->refusal, parse->source);
  @ predicate in_file(struct parse *parse, struct elf_program_header *header) =
  @   header->file_bytes <= header->memory_bytes &&
  @   header->offset + header->file_bytes <= parse->source->size_bytes;
  @ predicate in_memory(struct elf_program_header *header) =
  @   header->virtual_address + header->memory_bytes <= FIXED_END;
  @ predicate valid_image(struct elf_image *image) = image->segment_count <= ELF_MAX_SEGMENTS &&
  @   image->base + image->size_bytes <= FIXED_END && image->size_bytes <= ELF_MAX_IMAGE_BYTES &&
  @   image->base % PAGE_SIZE == 0; */

/*@ requires valid_parse(parse);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_CORRUPT; */
static enum status damaged(struct parse *parse, const char *reason)
{
    return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_DAMAGED, "%s", reason);
}

/*@ requires valid_parse(parse);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_UNSUPPORTED; */
static enum status unsuited(struct parse *parse, const char *reason)
{
    return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_KIND, "%s", reason);
}

static enum status read_part(struct parse *parse, uint64_t offset, void *buffer,
                             uint64_t size_bytes, const char *what)
{
    enum status status = source_read_at(parse->source, offset, buffer, size_bytes);

    if (status == STATUS_TRUNCATED)
        return refuse(parse->refusal, status, ADVICE_DAMAGED, "the file ends within the %s", what);
    if (status != STATUS_OK)
        return refuse(parse->refusal, status, "Try another port or another stick.",
                      "the %s could not be read", what);
    return STATUS_OK;
}

/* --- the ELF header ---------------------------------------------------------------------- */

static const char *machine_name(uint16_t machine)
{
    switch (machine) {
    case ELF_MACHINE_386:
        return "i386";
    case ELF_MACHINE_PPC64:
        return "PowerPC";
    case ELF_MACHINE_ARM:
        return "ARM";
    case ELF_MACHINE_AARCH64:
        return "AArch64";
    case ELF_MACHINE_RISCV:
        return "RISC-V";
    default:
        return "an unknown machine";
    }
}

static enum status check_identity(struct parse *parse)
{
    const struct elf_header *header = &parse->header;

    if (memcmp(header->ident, ELF_MAGIC, ELF_MAGIC_BYTES) != 0)
        return unsuited(parse, "it is not an ELF file");
    if (header->ident[ELF_IDENT_DATA] != ELF_DATA_LITTLE)
        return unsuited(parse, "it is for a big-endian machine");
    if (header->machine != ELF_MACHINE_X86_64)
        return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_KIND,
                      "it is for %s (machine %u), not for x86-64", machine_name(header->machine),
                      header->machine);
    if (header->ident[ELF_IDENT_CLASS] != ELF_CLASS_64)
        return unsuited(parse, "it is not a 64-bit ELF file");
    if (header->ident[ELF_IDENT_VERSION] != ELF_VERSION || header->version != ELF_VERSION)
        return unsuited(parse, "it has an unknown ELF version");
    return STATUS_OK;
}

static enum status check_type(struct parse *parse)
{
    switch (parse->header.type) {
    case ELF_TYPE_EXECUTABLE:
    case ELF_TYPE_SHARED:
        return STATUS_OK;
    case ELF_TYPE_RELOCATABLE:
        return unsuited(parse, "it is an object file that was not linked");
    case ELF_TYPE_CORE:
        return unsuited(parse, "it is a core dump");
    default:
        return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_KIND,
                      "its ELF type is %u, neither executable nor position-independent",
                      parse->header.type);
    }
}

/*@ requires valid_parse(parse);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK ==> parse->header.header_bytes == sizeof(struct elf_header) &&
  @   parse->header.program_header_bytes == sizeof(struct elf_program_header) &&
  @   1 <= parse->header.program_header_count <= MAX_PROGRAM_HEADERS; */
static enum status check_sizes(struct parse *parse)
{
    const struct elf_header *header = &parse->header;

    if (header->header_bytes != sizeof(struct elf_header))
        return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_DAMAGED,
                      "its ELF header claims %u bytes instead of %zu", header->header_bytes,
                      sizeof(struct elf_header));
    if (header->program_header_bytes != sizeof(struct elf_program_header))
        return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_DAMAGED,
                      "its program headers claim %u bytes instead of %zu",
                      header->program_header_bytes, sizeof(struct elf_program_header));
    if (header->program_header_count == 0 || header->program_header_count > MAX_PROGRAM_HEADERS)
        return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_DAMAGED,
                      "it has %u program headers; 1 to %u make sense", header->program_header_count,
                      MAX_PROGRAM_HEADERS);
    return STATUS_OK;
}

static enum status read_header(struct parse *parse)
{
    enum status status = read_part(parse, 0, &parse->header, sizeof(parse->header), "ELF header");

    if (status == STATUS_OK)
        status = check_identity(parse);
    if (status == STATUS_OK)
        status = check_type(parse);
    if (status == STATUS_OK)
        status = check_sizes(parse);
    return status;
}

/* --- segments ---------------------------------------------------------------------------- */

/*@ requires valid_parse(parse);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_CORRUPT; */
static enum status bad_segment(struct parse *parse, unsigned index, const char *reason)
{
    return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_DAMAGED, "its program header %u %s", index,
                  reason);
}

/*@ requires valid_parse(parse) && valid_header(parse, header);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK ==> in_file(parse, header) && in_memory(header); */
static enum status check_segment_ranges(struct parse *parse, unsigned index,
                                        const struct elf_program_header *header)
{
    uint64_t file_size = parse->source->size_bytes;
    uint64_t end;

    if (header->file_bytes > header->memory_bytes)
        return bad_segment(parse, index, "has more bytes in the file than in memory");
    if (!checked_add(header->offset, header->file_bytes, &end))
        return bad_segment(parse, index, "has a file range that wraps past 2^64");
    if (end > file_size)
        return refuse(parse->refusal, STATUS_TRUNCATED, ADVICE_DAMAGED,
                      "its program header %u reaches to byte 0x%llx, but the file has 0x%llx bytes",
                      index, (unsigned long long)end, (unsigned long long)file_size);
    if (!checked_add(header->virtual_address, header->memory_bytes, &end) || end > FIXED_END)
        return bad_segment(parse, index, "has addresses that wrap past 2^64");
    return STATUS_OK;
}

/*@ requires valid_parse(parse) && valid_header(parse, header);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK && header->alignment > 1 ==> power_of_two(header->alignment) &&
  @   header->alignment <= ELF_MAX_IMAGE_BYTES &&
  @   (uint64_t)(header->virtual_address - header->offset) % header->alignment == 0; */
static enum status check_segment_alignment(struct parse *parse, unsigned index,
                                           const struct elf_program_header *header)
{
    uint64_t alignment = header->alignment;

    if (alignment <= 1)
        return STATUS_OK;
    if (!is_power_of_two(alignment))
        return bad_segment(parse, index, "has an alignment that is no power of two");
    if (alignment > ELF_MAX_IMAGE_BYTES)
        return bad_segment(parse, index, "has an alignment of more than 1 GiB");
    if (!is_aligned(header->virtual_address - header->offset, alignment))
        return bad_segment(parse, index, "has an address and an offset that break its alignment");
    return STATUS_OK;
}

/*@ requires valid_parse(parse) && valid_header(parse, header);
  @ requires valid_image(&parse->image);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK ==> parse->image.segment_count < ELF_MAX_SEGMENTS;
  @ ensures \result == STATUS_OK && parse->image.segment_count > 0 ==>
  @   header->virtual_address >= parse->image.base + parse->image.size_bytes; */
static enum status check_segment_order(struct parse *parse, unsigned index,
                                       const struct elf_program_header *header)
{
    const struct elf_image *image = &parse->image;
    uint64_t previous_end = image->base + image->size_bytes; /* absolute, whole pages */

    if (image->segment_count == 0)
        return STATUS_OK;
    if (image->segment_count == ELF_MAX_SEGMENTS)
        return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_LINK,
                      "it has more than %u loadable segments", ELF_MAX_SEGMENTS);
    if (header->virtual_address < image->base)
        return bad_segment(parse, index, "is out of order: addresses must ascend");
    if (align_down(header->virtual_address, PAGE_SIZE) < previous_end)
        return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_LINK,
                      "its program header %u overlaps the segment before it, or shares a page "
                      "with it",
                      index);
    return STATUS_OK;
}

/*@ requires valid_parse(parse) && valid_header(parse, header);
  @ requires valid_image(&parse->image);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK ==> in_file(parse, header) && in_memory(header) &&
  @   parse->image.segment_count < ELF_MAX_SEGMENTS;
  @ ensures \result == STATUS_OK && parse->image.segment_count > 0 ==>
  @   header->virtual_address >= parse->image.base + parse->image.size_bytes;
  @ ensures \result == STATUS_OK ==> (header->flags & ELF_WRITE) == 0 || (header->flags & ELF_EXECUTE) == 0; */
static enum status check_segment(struct parse *parse, unsigned index,
                                 const struct elf_program_header *header)
{
    enum status status = check_segment_ranges(parse, index, header);

    if (status == STATUS_OK)
        status = check_segment_alignment(parse, index, header);
    if (status == STATUS_OK)
        status = check_segment_order(parse, index, header);
    if (status != STATUS_OK)
        return status;
    if ((header->flags & ELF_WRITE) != 0 && (header->flags & ELF_EXECUTE) != 0)
        return refuse(parse->refusal, STATUS_DENIED, ADVICE_LINK,
                      "its program header %u is both writable and executable", index);
    return STATUS_OK;
}

/* Appends a checked segment. The image grows: its end is absolute again after each step. */
static enum status add_segment(struct parse *parse, const struct elf_program_header *header)
{
    struct elf_image *image = &parse->image;
    uint64_t end = align_up(header->virtual_address + header->memory_bytes, PAGE_SIZE);

    if (image->segment_count == 0)
        image->base = align_down(header->virtual_address, PAGE_SIZE);
    if (end - image->base > ELF_MAX_IMAGE_BYTES)
        return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_LINK,
                      "its segments span 0x%llx bytes, more than 1 GiB",
                      (unsigned long long)(end - image->base));
    image->size_bytes = end - image->base;
    image->alignment = max_u64(image->alignment, header->alignment);
    image->segments[image->segment_count++] = (struct elf_segment){
        .offset = header->offset,
        .file_bytes = header->file_bytes,
        .start = header->virtual_address - image->base,
        .memory_bytes = header->memory_bytes,
        .rights = header->flags & (ELF_READ | ELF_WRITE | ELF_EXECUTE),
    };
    return STATUS_OK;
}

/* --- what belongs to segments ------------------------------------------------------------ */

static enum status add_program_header(struct parse *parse, unsigned index,
                                      const struct elf_program_header *header)
{
    enum status status;

    switch (header->type) {
    case ELF_SEGMENT_LOAD:
        if (header->memory_bytes == 0 && header->file_bytes == 0)
            return STATUS_OK;
        status = check_segment(parse, index, header);
        return status == STATUS_OK ? add_segment(parse, header) : status;
    case ELF_SEGMENT_DYNAMIC:
        parse->image.dynamic_start = header->virtual_address;
        parse->image.dynamic_bytes = header->memory_bytes;
        return STATUS_OK;
    case ELF_SEGMENT_INTERPRETER:
        return unsuited(parse, "it wants an interpreter: it was linked dynamically");
    default:
        return STATUS_OK;
    }
}

static enum status read_program_headers(struct parse *parse)
{
    struct elf_program_header headers[MAX_PROGRAM_HEADERS];
    unsigned count = parse->header.program_header_count;
    enum status status = read_part(parse, parse->header.program_headers, headers,
                                   count * sizeof(headers[0]), "program headers");

    for (unsigned i = 0; i < count && status == STATUS_OK; i++)
        status = add_program_header(parse, i, &headers[i]);
    if (status == STATUS_OK && parse->image.segment_count == 0)
        return damaged(parse, "it has nothing to load");
    return status;
}

/* Makes the dynamic section's address relative; it must lie within the image. */
/*@ requires valid_parse(parse) && valid_image(&parse->image);
  @ assigns *parse->refusal, parse->image.dynamic_start;
  @ ensures \result == STATUS_OK && parse->image.dynamic_bytes > 0 ==>
  @   parse->image.dynamic_start + parse->image.dynamic_bytes <= parse->image.size_bytes &&
  @   parse->image.dynamic_start % 8 == 0; */
static enum status place_dynamic(struct parse *parse)
{
    struct elf_image *image = &parse->image;
    uint64_t start = image->dynamic_start - image->base;

    if (image->dynamic_bytes == 0)
        return STATUS_OK;
    if (image->dynamic_start < image->base || start > image->size_bytes ||
        image->dynamic_bytes > image->size_bytes - start || !is_aligned(start, 8))
        return damaged(parse, "its dynamic section lies outside of the loaded segments");
    image->dynamic_start = start;
    return STATUS_OK;
}

/*@ requires valid_parse(parse) && valid_image(&parse->image);
  @ assigns *parse->refusal, parse->image.entry;
  @ ensures \result == STATUS_OK ==> \exists integer i; 0 <= i < parse->image.segment_count &&
  @   parse->image.segments[i].start <= parse->image.entry <
  @     parse->image.segments[i].start + parse->image.segments[i].memory_bytes &&
  @   (parse->image.segments[i].rights & ELF_EXECUTE) != 0; */
static enum status place_entry(struct parse *parse)
{
    struct elf_image *image = &parse->image;
    uint64_t entry = parse->header.entry - image->base;

    /*@ loop invariant 0 <= i <= image->segment_count;
      @ loop assigns i;
      @ loop variant image->segment_count - i; */
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];

        if (entry >= segment->start && entry - segment->start < segment->memory_bytes &&
            (segment->rights & ELF_EXECUTE) != 0) {
            image->entry = entry;
            return STATUS_OK;
        }
    }
    return refuse(parse->refusal, STATUS_CORRUPT, ADVICE_LINK,
                  "its entry point 0x%llx is in no executable segment",
                  (unsigned long long)parse->header.entry);
}

/*@ requires valid_parse(parse);
  @ assigns *parse->refusal;
  @ ensures \result == STATUS_OK && parse->header.type == ELF_TYPE_EXECUTABLE ==>
  @   parse->image.base >= FIXED_LOWEST; */
static enum status check_fixed(struct parse *parse)
{
    if (parse->header.type == ELF_TYPE_EXECUTABLE && parse->image.base < FIXED_LOWEST)
        return refuse(parse->refusal, STATUS_UNSUPPORTED, ADVICE_LINK,
                      "it is linked at 0x%llx; a fixed kernel belongs at 0x%llx or above",
                      (unsigned long long)parse->image.base, (unsigned long long)FIXED_LOWEST);
    return STATUS_OK;
}

enum status elf_parse(struct source *source, struct elf_image *image, struct refusal *refusal)
{
    struct parse parse = { .source = source,
                           .refusal = refusal,
                           .image = { .alignment = PAGE_SIZE } };
    enum status status = read_header(&parse);

    if (status == STATUS_OK)
        status = read_program_headers(&parse);
    if (status != STATUS_OK)
        return status;
    parse.image.relocatable = parse.header.type == ELF_TYPE_SHARED;
    status = check_fixed(&parse);
    if (status == STATUS_OK)
        status = place_dynamic(&parse);
    if (status == STATUS_OK)
        status = place_entry(&parse);
    if (status == STATUS_OK)
        *image = parse.image;
    return status;
}

/* --- loading ----------------------------------------------------------------------------- */

enum status elf_load(struct source *source, const struct elf_image *image, void *memory,
                     struct refusal *refusal)
{
    struct parse parse = { .source = source, .refusal = refusal };
    uint8_t *bytes = memory;
    uint64_t loaded = 0; /* all below is written */

    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        enum status status;

        memset(bytes + loaded, 0, segment->start - loaded);
        status = read_part(&parse, segment->offset, bytes + segment->start, segment->file_bytes,
                           "segments");
        if (status != STATUS_OK)
            return status;
        loaded = segment->start + segment->file_bytes;
    }
    memset(bytes + loaded, 0, image->size_bytes - loaded);
    return STATUS_OK;
}
