/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_relocate.c - moves a loaded kernel to the address that it will run at: see elf.h.
 *
 * A relative relocation is "add the distance between link and run address to the addend, store it
 * at the place": nothing else is needed by a static position-independent executable. The dynamic
 * section and the table are read from the loaded image, whose every address is checked to be
 * inside; a table that overlaps its own targets does no harm beyond a wrong kernel.
 *
 * Pure: no firmware call, also built hosted.
 */
#include "elf.h"

#include "elf_format.h"
#include "lib/bits.h"
#include "lib/string.h"

#define ADVICE_STATIC                                                                              \
    "Link the kernel with -static-pie (or -pie --no-dynamic-linker) and "                          \
    "-z nopack-relative-relocs."

/* What the dynamic section says. */
struct dynamic {
    uint64_t table; /* link address */
    uint64_t table_bytes;
    uint64_t entry_bytes;
    bool position_independent;
};

/* --- the dynamic section ----------------------------------------------------------------- */

static enum status corrupt(struct refusal *refusal, const char *reason)
{
    return refuse(refusal, STATUS_CORRUPT, "Copy the kernel to the volume again, or link it anew.",
                  "%s", reason);
}

static enum status needs_linker(struct refusal *refusal, const char *reason)
{
    return refuse(refusal, STATUS_UNSUPPORTED, ADVICE_STATIC, "%s", reason);
}

static enum status read_entry(const struct elf_dynamic *entry, struct dynamic *dynamic,
                              struct refusal *refusal)
{
    switch (entry->tag) {
    case ELF_DYNAMIC_RELA:
        dynamic->table = entry->value;
        return STATUS_OK;
    case ELF_DYNAMIC_RELA_BYTES:
        dynamic->table_bytes = entry->value;
        return STATUS_OK;
    case ELF_DYNAMIC_RELA_ENTRY_BYTES:
        dynamic->entry_bytes = entry->value;
        return STATUS_OK;
    case ELF_DYNAMIC_FLAGS_1:
        dynamic->position_independent |= (entry->value & ELF_FLAG_1_PIE) != 0;
        return STATUS_OK;
    case ELF_DYNAMIC_NEEDED:
        return needs_linker(refusal, "it needs a shared library");
    case ELF_DYNAMIC_PLT_BYTES:
        return entry->value == 0 ? STATUS_OK
                                 : needs_linker(refusal, "it has a procedure linkage table");
    case ELF_DYNAMIC_REL_BYTES:
        return entry->value == 0
                   ? STATUS_OK
                   : needs_linker(refusal, "it has relocations without addends (REL)");
    case ELF_DYNAMIC_RELR_BYTES:
        return entry->value == 0 ? STATUS_OK
                                 : needs_linker(refusal, "it has packed relocations (RELR)");
    default:
        return STATUS_OK;
    }
}

static enum status read_entries(const struct elf_image *image, const uint8_t *memory,
                                struct dynamic *dynamic, struct refusal *refusal)
{
    uint64_t count = image->dynamic_bytes / sizeof(struct elf_dynamic);

    for (uint64_t i = 0; i < count; i++) {
        struct elf_dynamic entry;
        enum status status;

        memcpy(&entry, memory + image->dynamic_start + i * sizeof(entry), sizeof(entry));
        if (entry.tag == ELF_DYNAMIC_END)
            break;
        status = read_entry(&entry, dynamic, refusal);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status check_table(const struct elf_image *image, const struct dynamic *dynamic,
                               struct refusal *refusal)
{
    uint64_t start = dynamic->table - image->base;

    if (dynamic->table_bytes == 0)
        return STATUS_OK;
    if (!dynamic->position_independent)
        return needs_linker(refusal, "it is a fixed executable, but has relocations");
    if (dynamic->entry_bytes != sizeof(struct elf_relocation))
        return corrupt(refusal, "its relocations claim a wrong size");
    if (dynamic->table_bytes % sizeof(struct elf_relocation) != 0)
        return corrupt(refusal, "its relocation table ends within an entry");
    if (dynamic->table < image->base || start > image->size_bytes ||
        dynamic->table_bytes > image->size_bytes - start)
        return corrupt(refusal, "its relocation table lies outside of the loaded segments");
    return STATUS_OK;
}

enum status elf_read_dynamic(struct elf_image *image, const void *memory, struct refusal *refusal)
{
    struct dynamic dynamic = { .position_independent = image->relocatable };
    enum status status = read_entries(image, memory, &dynamic, refusal);

    if (status == STATUS_OK)
        status = check_table(image, &dynamic, refusal);
    if (status != STATUS_OK)
        return status;
    image->relocatable = dynamic.position_independent;
    image->table_start = dynamic.table - image->base;
    image->table_bytes = dynamic.table_bytes;
    return STATUS_OK;
}

/* --- applying ---------------------------------------------------------------------------- */

[[gnu::cold]] static enum status bad_relocation(const struct elf_relocation *entry, uint64_t index,
                                                struct refusal *refusal)
{
    if (entry->type != ELF_RELOCATION_RELATIVE)
        return refuse(refusal, STATUS_UNSUPPORTED, ADVICE_STATIC,
                      "its relocation %llu is of type %u; only relative ones (8) are possible",
                      (unsigned long long)index, entry->type);
    if (entry->symbol != 0)
        return refuse(refusal, STATUS_UNSUPPORTED, ADVICE_STATIC,
                      "its relocation %llu wants symbol %u", (unsigned long long)index,
                      entry->symbol);
    return refuse(refusal, STATUS_CORRUPT, ADVICE_STATIC,
                  "its relocation %llu is for 0x%llx, outside of the image",
                  (unsigned long long)index, (unsigned long long)entry->place);
}

enum status elf_relocate(const struct elf_image *image, void *memory, uint64_t address,
                         struct refusal *refusal)
{
    uint8_t *bytes = memory;
    uint64_t distance = address - image->base;
    uint64_t last_place = image->size_bytes - sizeof(uint64_t);
    uint64_t count = image->table_bytes / sizeof(struct elf_relocation);

    for (uint64_t i = 0; i < count; i++) {
        struct elf_relocation entry;
        uint64_t place;
        uint64_t value;

        memcpy(&entry, bytes + image->table_start + i * sizeof(entry), sizeof(entry));
        if (entry.type == ELF_RELOCATION_NONE)
            continue;
        place = entry.place - image->base;
        if (entry.type != ELF_RELOCATION_RELATIVE || entry.symbol != 0 || place > last_place)
            return bad_relocation(&entry, i, refusal);
        value = (uint64_t)entry.addend + distance;
        memcpy(bytes + place, &value, sizeof(value)); /* need not be aligned */
    }
    return STATUS_OK;
}
