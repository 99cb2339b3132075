/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_pci.c - PCI configuration space that says anything: the walk has an end, visits no place twice, puts
 * back every register that it wrote, never sizes a range that is decoded, and tells ranges that do not wrap.
 *
 *     input    functions, each {place: bus 2 bits, device 3, function 3; 7 bytes that choose which bits of base
 *              registers can be written; 64 bytes of registers}
 */
#include "fuzz.h"

#include "dev/pci.h"
#include "lib/bits.h"

#define FUNCTIONS_MAX 4u
#define BUSES         4u
#define REGISTERS     16u
#define COMMAND       1u
#define DECODING      3u
#define BAR0          4u
#define BARS          6u
#define ROM           12u
#define BRIDGE_ROM    14u

struct fake {
    uint8_t place;
    uint32_t registers[REGISTERS];
    uint32_t writable[REGISTERS];
};

static struct space {
    struct fake fakes[FUNCTIONS_MAX];
    unsigned count;
    unsigned visits;
    bool visited[BUSES * 64];
} space;

static struct fake *find(struct pci_place place)
{
    for (unsigned i = 0; i < space.count; i++)
        if (place.bus < BUSES && place.device < 8 &&
            space.fakes[i].place == (place.bus << 6 | place.device << 3 | place.function))
            return &space.fakes[i];
    return NULL;
}

static uint32_t fake_read32(void *context, struct pci_place place, unsigned offset)
{
    const struct fake *fake = find(place);

    (void)context;
    FUZZ_CHECK(offset < 256 && offset % 4 == 0);
    FUZZ_CHECK(place.device < PCI_DEVICES && place.function < PCI_FUNCTIONS);
    if (fake == NULL)
        return UINT32_MAX;
    return offset / 4 < REGISTERS ? fake->registers[offset / 4] : 0;
}

static void fake_write32(void *context, struct pci_place place, unsigned offset, uint32_t value)
{
    struct fake *fake = find(place);
    uint32_t writable;

    (void)context;
    FUZZ_CHECK(fake != NULL && offset / 4 < REGISTERS && offset % 4 == 0);
    FUZZ_CHECK((fake->registers[COMMAND] & DECODING) == 0);
    writable = fake->writable[offset / 4];
    fake->registers[offset / 4] = (value & writable) | (fake->registers[offset / 4] & ~writable);
}

static void fake_write16(void *context, struct pci_place place, unsigned offset, uint16_t value)
{
    struct fake *fake = find(place);

    (void)context;
    FUZZ_CHECK(fake != NULL && offset == 4 * COMMAND);
    fake->registers[COMMAND] = (fake->registers[COMMAND] & 0xffff0000) | value;
}

static void check_range(const struct pci_range *range)
{
    FUZZ_CHECK(range->size_bytes > 0 && range->base + (range->size_bytes - 1) >= range->base);
    if (range->kind == PCI_WINDOW)
        return;
    FUZZ_CHECK(is_power_of_two(range->size_bytes) && is_aligned(range->base, range->size_bytes));
    FUZZ_CHECK(range->kind == PCI_ROM || range->number < BARS);
}

static bool visit(void *context, const struct pci_function *function)
{
    const struct fake *fake = find(function->place);

    (void)context;
    FUZZ_CHECK(fake != NULL && !space.visited[fake->place]);
    space.visited[fake->place] = true;
    FUZZ_CHECK(++space.visits <= space.count);
    FUZZ_CHECK(function->range_count <= PCI_RANGES_MAX);
    for (unsigned i = 0; i < function->range_count; i++)
        check_range(&function->ranges[i]);
    FUZZ_CHECK(pci_class_name(function->class_code) != NULL);
    return true;
}

/* 0 to 31: all bits from there up; then a few that make no sense; else none. */
static uint32_t mask(uint8_t choice)
{
    if (choice < 32)
        return UINT32_MAX << choice;
    return choice < 64 ? 0x00ff00f0u << (choice & 15) : 0;
}

static void add_function(struct feed *feed)
{
    struct fake *fake = &space.fakes[space.count++];

    memset(fake, 0, sizeof(*fake));
    fake->place = space.count == 1 ? 0 : feed_byte(feed);
    for (unsigned i = 0; i < BARS; i++)
        fake->writable[BAR0 + i] = mask(feed_byte(feed)) & ~(uint32_t)15;
    fake->writable[ROM] = fake->writable[BRIDGE_ROM] = mask(feed_byte(feed)) & 0xfffff801;
    feed_copy(feed, fake->registers, sizeof(fake->registers));
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static const struct pci_config config = { fake_read32, fake_write32, fake_write16, NULL };
    struct feed feed = { data, size };
    struct fake before[FUNCTIONS_MAX];

    memset(&space, 0, sizeof(space));
    while (space.count < FUNCTIONS_MAX && !feed_ends(&feed))
        add_function(&feed);
    memcpy(before, space.fakes, sizeof(before));
    pci_scan(&config, 0, 0, BUSES - 1, visit, NULL);
    FUZZ_CHECK(memcmp(before, space.fakes, sizeof(before)) == 0);
}
