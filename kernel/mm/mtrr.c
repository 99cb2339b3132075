/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mtrr.c - the memory type of a physical address. mm/mtrr.h has the contract.
 *
 *     0            1 MiB                                                        2^physical_bits
 *     | fixed: 88   |  variable: address & mask == base & mask, any number may match       |
 *     |   ranges    |  none matches: the default                                           |
 *
 * Where several variable ranges match, uncached wins, and write-through wins over write-back; all other
 * differences are undefined. A mask is contiguous as a rule, then the range is one piece; a mask with
 * holes repeats itself at the distance of its lowest bit.
 *
 * What the processor makes of both types (SDM vol. 3A, table 11-7), by what is asked for:
 *
 *     asked     UC   WC   WT   WP   WB   of the registers
 *     WB        UC   WC   WT   WP   WB
 *     WT        UC   -    WT   -    WT
 *     WC        WC   WC   WC   WC   WC
 *     UC-       UC   WC   UC   UC   UC   either is what its name means
 *     UC        UC   UC   UC   UC   UC
 *
 * So only write-back and write-through can conflict. When the registers are turned off, the processor caches
 * nothing at all: that is slow, but no mapping differs from another one.
 *
 * Written once at start, read by all.
 */
#include "mm/mtrr.h"

#include "lib/bits.h"
#include "lib/log.h"

#define DEFAULT_TYPE    0xffu
#define DEFAULT_FIXED   (1u << 10) /* fixed ranges are enabled */
#define DEFAULT_ENABLED (1u << 11) /* all are */
#define MASK_VALID      (1u << 11)
#define BASE_TYPE       0xffu

#define FIXED_END       (1 * MiB)

#define NAME_COUNT      7u

static struct mtrr_registers now;
static bool enabled;

/* --- types ------------------------------------------------------------------------------- */

static bool type_is_valid(uint64_t type)
{
    return type == MTRR_UNCACHED || type == MTRR_WRITE_COMBINING ||
           (type >= MTRR_WRITE_THROUGH && type <= MTRR_WRITE_BACK);
}

/* Reserved numbers are as bad as memory that is not cached, and no worse. */
static enum mtrr_type type_of(uint64_t bits)
{
    uint64_t type = bits & BASE_TYPE;

    return type_is_valid(type) ? (enum mtrr_type)type : MTRR_UNCACHED;
}

const char *mtrr_type_name(enum mtrr_type type)
{
    static const char *const names[NAME_COUNT] = { "uncached",      "write-combining",
                                                   "reserved",      "reserved",
                                                   "write-through", "write-protected",
                                                   "write-back" };

    return (unsigned)type < NAME_COUNT ? names[type] : "reserved";
}

/* Two variable ranges over the same address. */
static enum mtrr_type combine(enum mtrr_type a, enum mtrr_type b)
{
    if (a == b)
        return a;
    if ((a == MTRR_WRITE_THROUGH && b == MTRR_WRITE_BACK) ||
        (a == MTRR_WRITE_BACK && b == MTRR_WRITE_THROUGH))
        return MTRR_WRITE_THROUGH;
    return MTRR_UNCACHED;
}

/* --- ranges ------------------------------------------------------------------------------ */

/* The first MiB: where ranges of one size end, their size, the number of the first of them. */
static const struct {
    uint32_t start, end;
    uint32_t shift;
    uint32_t number;
} fixed_sizes[] = {
    { 0, 512 * KiB, 16, 0 },
    { 512 * KiB, 768 * KiB, 14, 8 },
    { 768 * KiB, FIXED_END, 12, 24 },
};

static enum mtrr_type fixed_type(uint32_t address, uint64_t *end)
{
    unsigned i = 0;
    uint32_t range;

    while (address >= fixed_sizes[i].end)
        i++;
    range = (address - fixed_sizes[i].start) >> fixed_sizes[i].shift;
    *end = fixed_sizes[i].start + ((uint64_t)(range + 1) << fixed_sizes[i].shift);
    range += fixed_sizes[i].number;
    return type_of(now.fixed[range / 8] >> range % 8 * 8);
}

static uint64_t address_mask(void)
{
    return now.physical_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << now.physical_bits) - 1;
}

/* Where, above `address`, the answer of this range may be another one. */
static uint64_t next_border(uint64_t address, uint64_t base, uint64_t mask)
{
    uint64_t step = mask & (0 - mask);
    bool contiguous = mask == (address_mask() & ~(step - 1));

    if (mask == 0)
        return UINT64_MAX; /* it matches everything */
    if (!contiguous)
        return align_down(address, step) + step;
    if (address < base)
        return base;
    return address - base < step ? base + step : UINT64_MAX;
}

static enum mtrr_type variable_type(uint64_t address, uint64_t *end)
{
    enum mtrr_type type = MTRR_UNCACHED;
    bool found = false;

    *end = UINT64_MAX;
    for (unsigned i = 0; i < now.variable_count; i++) {
        uint64_t mask = now.variable[i].mask & address_mask() & ~(uint64_t)PAGE_MASK;
        uint64_t base = now.variable[i].base & mask;
        enum mtrr_type mine = type_of(now.variable[i].base);

        if ((now.variable[i].mask & MASK_VALID) == 0)
            continue;
        *end = min_u64(*end, next_border(address, base, mask));
        if ((address & mask) != base)
            continue;
        type = found ? combine(type, mine) : mine;
        found = true;
    }
    return found ? type : type_of(now.default_type & DEFAULT_TYPE);
}

enum mtrr_type mtrr_type_at(paddr_t address, uint64_t *end)
{
    if (!enabled) {
        *end = UINT64_MAX;
        return MTRR_WRITE_BACK;
    }
    if (pa_value(address) < FIXED_END && now.has_fixed && (now.default_type & DEFAULT_FIXED) != 0)
        return fixed_type((uint32_t)pa_value(address), end);
    return variable_type(pa_value(address), end);
}

/* --- conflicts --------------------------------------------------------------------------- */

bool mtrr_agrees(enum mtrr_type type, unsigned rights)
{
    switch (rights & PT_CACHE_MASK) {
    case PT_WRITE_BACK:
        return type == MTRR_WRITE_BACK;
    case PT_WRITE_THROUGH:
        return type == MTRR_WRITE_BACK || type == MTRR_WRITE_THROUGH;
    default:
        return true;
    }
}

enum status mtrr_check_range(paddr_t start, uint64_t size_bytes, unsigned rights)
{
    uint64_t last = pa_value(start) + (size_bytes - 1);
    uint64_t end;

    for (uint64_t address = pa_value(start);; address = end) {
        enum mtrr_type type = mtrr_type_at(pa(address), &end);

        if (!mtrr_agrees(type, rights)) {
            log_warning("memory types: 0x%llx is %s by the firmware's range registers (MTRRs) and "
                        "cannot be mapped %s",
                        (unsigned long long)address, mtrr_type_name(type),
                        (rights & PT_CACHE_MASK) == PT_WRITE_BACK ? "write-back" : "write-through");
            return STATUS_DENIED;
        }
        if (end > last || end <= address) /* the end of all addresses */
            return STATUS_OK;
    }
}

/* --- the start --------------------------------------------------------------------------- */

void mtrr_start(const struct mtrr_registers *registers)
{
    unsigned used = 0;

    enabled = registers != NULL && (registers->default_type & DEFAULT_ENABLED) != 0;
    if (registers == NULL)
        return;
    now = *registers;
    for (unsigned i = 0; i < now.variable_count; i++)
        used += (now.variable[i].mask & MASK_VALID) != 0;
    if (enabled)
        log_info("memory types: %s, but for %u ranges of the firmware's (MTRRs)",
                 mtrr_type_name(type_of(now.default_type & DEFAULT_TYPE)), used);
    else
        log_warning("memory types: the firmware left the range registers (MTRRs) off, so nothing "
                    "is cached: this machine is slow");
}

void mtrr_check_memory(const struct memmap *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct region *row = &map->regions[i];
        uint64_t last = row->base + (row->size_bytes - 1);
        uint64_t end;

        if (row->type != E820_USABLE)
            continue;
        for (uint64_t address = row->base; address <= last; address = end) {
            enum mtrr_type type = mtrr_type_at(pa(address), &end);

            if (type != MTRR_WRITE_BACK)
                log_warning("memory types: usable memory from 0x%llx to 0x%llx is %s by the "
                            "firmware's range registers (MTRRs): it is slow",
                            (unsigned long long)address, (unsigned long long)min_u64(end - 1, last),
                            mtrr_type_name(type));
        }
    }
}
