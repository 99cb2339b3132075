/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_spaces.c - operations on address spaces, in any order, against a model of single pages: areas, rights,
 * contents, copy-on-write between a space and its clone; memory that runs out at any place; in the end
 * every frame has come back. The fake MMU stops whoever uses a translation that should be gone.
 *
 *     input    operations of three bytes: kind (3 bits) and space; first page; pages and rights. In front of one,
 *              a byte from 0xc0 on lets an allocation of it fail
 */
#include "tests/unit/vm_machine.h"

#include "fuzz.h"
#include "mm/fail_alloc.h"
#include "mm/vm_private.h"

#define PAGES          48u
#define SPACES         2u
#define OPERATIONS     24u
#define CHECKED_ONE_IN 16u
#define BASE           ((uintptr_t)0x10000000 - 16 * PAGE_SIZE) /* over a border of tables */

struct page {
    bool there;
    bool writable;
    uint64_t value;
};

static struct world {
    struct vm_space *space; /* NULL: not made */
    struct page pages[PAGES];
} worlds[SPACES];

static uint64_t at_start;

static uintptr_t address_of(unsigned page)
{
    return BASE + page * PAGE_SIZE;
}

static void begin(struct world *world)
{
    memset(world, 0, sizeof(*world));
    if (vm_space_create(&world->space) != STATUS_OK)
        world->space = NULL;
}

static void end(struct world *world)
{
    if (world->space == NULL)
        return;
    if (vm_space_current() == world->space)
        vm_space_switch(vm_kernel());
    vm_space_destroy(world->space);
    world->space = NULL;
}

struct span {
    unsigned first, end;
};

static bool has_area(const struct world *world, struct span span, bool all)
{
    for (unsigned i = span.first; i < span.end; i++)
        if (world->pages[i].there != all)
            return !all;
    return all;
}

/* --- operations -------------------------------------------------------------------------- */

static void map(struct world *world, struct span span, unsigned rights, unsigned flags)
{
    const struct vm_request request = { .address = va(address_of(span.first)),
                                        .size_bytes = (span.end - span.first) * PAGE_SIZE,
                                        .rights = rights | PT_USER,
                                        .kind = VM_ANONYMOUS,
                                        .flags = VM_EXACT | flags,
                                        .tag = FRAME_TEST,
                                        .name = "fuzz" };
    bool taken = has_area(world, span, false);
    vaddr_t start;
    enum status status = vm_map(world->space, &request, &start);

    FUZZ_CHECK(status == (taken ? STATUS_EXISTS : STATUS_OK) || status == STATUS_NO_MEMORY);
    for (unsigned i = span.first; status == STATUS_OK && i < span.end; i++)
        world->pages[i] = (struct page){ true, (rights & PT_WRITE) != 0, 0 };
}

static void unmap(struct world *world, struct span span)
{
    enum status status =
        vm_unmap(world->space, va(address_of(span.first)), (span.end - span.first) * PAGE_SIZE);

    for (unsigned i = span.first; status == STATUS_OK && i < span.end; i++)
        world->pages[i].there = false;
}

static void protect(struct world *world, struct span span, unsigned rights)
{
    bool all = has_area(world, span, true);
    enum status status = vm_protect(world->space, va(address_of(span.first)),
                                    (span.end - span.first) * PAGE_SIZE, rights | PT_USER);

    FUZZ_CHECK(status == (all ? STATUS_OK : STATUS_NOT_FOUND) || status == STATUS_NO_MEMORY);
    for (unsigned i = span.first; status == STATUS_OK && i < span.end; i++)
        world->pages[i].writable = (rights & PT_WRITE) != 0;
}

static void write_page(struct world *world, unsigned number, uint64_t value)
{
    struct page *page = &world->pages[number];
    enum status status;

    vm_space_switch(world->space);
    status = vm_write(address_of(number), value);
    FUZZ_CHECK((status == STATUS_OK) == (page->there && page->writable) ||
               status == STATUS_NO_MEMORY);
    if (status == STATUS_OK)
        page->value = value;
}

static void read_page(const struct world *world, unsigned number)
{
    const struct page *page = &world->pages[number];
    uint64_t value = 0;
    enum status status;

    vm_space_switch(world->space);
    status = vm_read(address_of(number), &value);
    FUZZ_CHECK((status == STATUS_OK) == page->there || status == STATUS_NO_MEMORY);
    FUZZ_CHECK(status != STATUS_OK || value == page->value);
}

static void clone_world(const struct world *from, struct world *to)
{
    struct vm_space *copy;

    end(to);
    if (vm_space_clone(from->space, &copy) != STATUS_OK)
        return;
    *to = *from;
    to->space = copy;
}

static void operate(struct feed *feed)
{
    uint8_t kind = feed_byte(feed);
    unsigned first = feed_byte(feed) % PAGES;
    uint8_t more = feed_byte(feed);
    struct span span = { first, first + 1 + (more & 7) };
    unsigned rights = (more & 8) != 0 ? PT_WRITE : 0;
    struct world *world = &worlds[(kind >> 4) & 1];

    if (span.end > PAGES)
        span.end = PAGES;
    if (world->space == NULL)
        begin(world);
    if (world->space == NULL)
        return;
    switch (kind & 7) {
    case 0:
        map(world, span, rights, (more & 16) != 0 ? VM_POPULATE : 0);
        break;
    case 1:
        unmap(world, span);
        break;
    case 2:
        protect(world, span, rights);
        break;
    case 3:
    case 4:
        write_page(world, first, more);
        break;
    case 5:
        read_page(world, first);
        break;
    case 6:
        clone_world(world, &worlds[((kind >> 4) & 1) ^ 1]);
        break;
    default:
        if ((more & 0xc0) == 0xc0)
            end(world);
        break;
    }
}

/* An allocation of the operation fails, alone or with all behind it. */
static void operate_in_need(struct feed *feed)
{
    uint8_t nth = feed_byte(feed) & 15;

    fail_alloc_start(1 + nth / 2, nth % 2 != 0 ? FAIL_ALLOC_EVER : 1);
    operate(feed);
    fail_alloc_stop();
}

static uint64_t free_now(void)
{
    pmm_drain();
    return machine_free_frames();
}

void fuzz_run(const uint8_t *data, size_t size)
{
    static unsigned runs;
    struct feed feed = { data, size };

    if (runs++ == 0) {
        vm_machine_boot(4);
        begin(&worlds[0]);
        end(&worlds[0]);
        at_start = free_now();
    }
    for (unsigned i = 0; i < OPERATIONS && !feed_ends(&feed); i++) {
        if (feed.bytes[0] >= 0xc0)
            operate_in_need(&feed);
        else
            operate(&feed);
    }
    for (unsigned i = 0; i < SPACES; i++) {
        if (worlds[i].space != NULL && runs % CHECKED_ONE_IN == 0) {
            FUZZ_CHECK(vm_space_check(worlds[i].space) == STATUS_OK);
            for (unsigned page = 0; page < PAGES; page++)
                read_page(&worlds[i], page);
        }
        end(&worlds[i]);
    }
    FUZZ_CHECK(free_now() == at_start);
}
