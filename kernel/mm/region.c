/* SPDX-License-Identifier: BSD-2-Clause
 *
 * region.c - labels on physical memory.
 *
 * What was set is a small array in order of bases, then kinds. What the table of memory implies is not stored:
 * a visit merges the two, row after row, and joins rows that say the same:
 *
 *     table   |usable |usable (boot services) |ACPI  |reserved (PCI)   |
 *     implied |dma    |dma                    |firmw.|device           |
 *     set              |user "ring"  |
 *     visited |dma                            |firmw.|device           |   and "ring", by its base
 */
#include "mm/region.h"

#include "lib/bits.h"
#include "lib/lock.h"
#include "lib/string.h"

#define DMA_END ((uint64_t)1 << 32)

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANK_REGION, "labels of regions");
static struct region_label labels[REGION_LABELS_MOST];
static unsigned label_count;

static const char *const kind_names[REGION_KIND_COUNT] = {
    [REGION_KIND_DMA] = "dma",
    [REGION_KIND_DEVICE] = "device",
    [REGION_KIND_FIRMWARE] = "firmware",
    [REGION_KIND_USER] = "user",
};

const char *region_kind_name(enum region_kind kind)
{
    return (unsigned)kind < REGION_KIND_COUNT ? kind_names[kind] : "unknown";
}

enum status region_kind_parse(const char *name, enum region_kind *kind)
{
    for (unsigned i = 0; i < REGION_KIND_COUNT; i++) {
        if (strcmp(name, kind_names[i]) != 0)
            continue;
        *kind = (enum region_kind)i;
        return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

/* --- setting --------------------------------------------------------------------------------- */

static bool overlaps(const struct region_label *label, uint64_t base, uint64_t size_bytes)
{
    return base < label->base ? label->base - base < size_bytes
                              : base - label->base < label->size_bytes;
}

/* Where a label of that base and kind is, or would be. */
static unsigned place_of(uint64_t base, enum region_kind kind)
{
    unsigned place = 0;

    while (place < label_count &&
           (labels[place].base < base || (labels[place].base == base && labels[place].kind < kind)))
        place++;
    return place;
}

static enum status insert(const struct region_label *label)
{
    unsigned place = place_of(label->base, label->kind);

    for (unsigned i = 0; i < label_count; i++)
        if (labels[i].kind == label->kind && overlaps(&labels[i], label->base, label->size_bytes))
            return STATUS_EXISTS;
    if (label_count == REGION_LABELS_MOST)
        return STATUS_NO_SPACE;
    memmove(&labels[place + 1], &labels[place], (label_count - place) * sizeof(labels[0]));
    labels[place] = *label;
    label_count++;
    return STATUS_OK;
}

enum status region_label(paddr_t base, uint64_t size_bytes, enum region_kind kind, const char *name)
{
    struct region_label label = { .base = pa_value(base), .size_bytes = size_bytes, .kind = kind };
    size_t length = strlen(name);
    enum status status;
    irq_state_t state;

    if (size_bytes == 0 || (unsigned)kind >= REGION_KIND_COUNT || length == 0 ||
        length >= REGION_NAME_BYTES)
        return STATUS_INVALID;
    if (size_bytes - 1 > UINT64_MAX - label.base)
        return STATUS_OVERFLOW;
    memcpy(label.name, name, length);
    state = spin_lock(&lock);
    status = insert(&label);
    spin_unlock(&lock, state);
    return status;
}

enum status region_unlabel(paddr_t base, enum region_kind kind)
{
    irq_state_t state = spin_lock(&lock);
    unsigned place = place_of(pa_value(base), kind);
    bool found =
        place < label_count && labels[place].base == pa_value(base) && labels[place].kind == kind;

    if (found) {
        label_count--;
        memmove(&labels[place], &labels[place + 1], (label_count - place) * sizeof(labels[0]));
    }
    spin_unlock(&lock, state);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

/* --- what the table implies ------------------------------------------------------------------ */

static bool is_firmware(const struct region *row)
{
    return row->tag == REGION_TAG_FIRMWARE || row->tag == REGION_TAG_ACPI ||
           row->type == E820_ACPI_DATA || row->type == E820_ACPI_NVS ||
           (row->flags & REGION_RUNTIME) != 0;
}

/* The label that a row stands for; false: none. A row that begins below 4 GiB and ends above is cut there. */
static bool imply(const struct region *row, struct region_label *label)
{
    const char *name = region_tag_name(row->tag);
    char place[REGION_DEVICE_TEXT_BYTES];

    *label = (struct region_label){ row->base, row->size_bytes, REGION_KIND_COUNT, true, "" };
    if (row->tag == REGION_TAG_DEVICE || row->tag == REGION_TAG_FRAMEBUFFER) {
        label->kind = REGION_KIND_DEVICE;
        if (row->device != 0)
            name = region_device_text(row->device, place);
    } else if (is_firmware(row)) {
        label->kind = REGION_KIND_FIRMWARE;
        if (row->tag == REGION_TAG_NONE)
            name = e820_type_name(row->type);
    } else if (row->tag == REGION_TAG_USER) {
        label->kind = REGION_KIND_USER;
    } else if (region_is_free(row) && row->base < DMA_END) {
        label->kind = REGION_KIND_DMA;
        label->size_bytes = min_u64(row->size_bytes, DMA_END - row->base);
        name = "RAM below 4 GiB";
    }
    (void)print_buffer(label->name, sizeof(label->name), "%s", name);
    return label->kind != REGION_KIND_COUNT;
}

static bool continues(const struct region_label *label, const struct region_label *next)
{
    return next->base - label->base == label->size_bytes && next->kind == label->kind &&
           strcmp(next->name, label->name) == 0;
}

/* The next label of the table from row *at on, and moves *at behind its rows; false at the end. */
static bool next_implied(const struct memmap *map, size_t *at, struct region_label *label)
{
    struct region_label next;

    while (*at < map->count && !imply(&map->regions[*at], label))
        ++*at;
    if (*at == map->count)
        return false;
    while (++*at < map->count && imply(&map->regions[*at], &next) && continues(label, &next))
        label->size_bytes += next.size_bytes;
    return true;
}

/* --- asking ---------------------------------------------------------------------------------- */

void region_visit(const struct memmap *map,
                  bool (*visit)(void *context, const struct region_label *label), void *context)
{
    irq_state_t state = spin_lock(&lock);
    struct region_label implied;
    size_t at = 0;
    bool has_implied = next_implied(map, &at, &implied);
    unsigned set = 0;
    bool more = true;

    while (more && (has_implied || set < label_count)) {
        if (has_implied && (set == label_count || implied.base <= labels[set].base)) {
            more = visit(context, &implied);
            has_implied = next_implied(map, &at, &implied);
        } else {
            more = visit(context, &labels[set++]);
        }
    }
    spin_unlock(&lock, state);
}

/* A search for the labels of an address. */
struct search {
    uint64_t address;
    struct region_label *labels;
    unsigned most;
    unsigned count;
};

static bool collect(void *context, const struct region_label *label)
{
    struct search *search = context;

    if (label->base > search->address)
        return false;
    if (search->address - label->base >= label->size_bytes)
        return true;
    if (search->count < search->most)
        search->labels[search->count] = *label;
    search->count++;
    return true;
}

unsigned region_find(const struct memmap *map, paddr_t address, struct region_label *found,
                     unsigned most)
{
    struct search search = { .address = pa_value(address), .labels = found, .most = most };

    region_visit(map, collect, &search);
    return search.count;
}
