/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_spaces.c - user spaces made, cloned, dirtied, cut up and ended, against a model.
 *
 * LIVING spaces at most are there at a time, each either new or a clone of another one. The processor
 * turns to one of them, writes to some of its pages, which may be shared with any number of relatives,
 * unmaps a few, maps them again, and reads all of it: a page holds what was last written in this space,
 * or before it was cloned from the one it came from; whatever relatives wrote since must not show. When all spaces
 * have ended every frame must be free again; the runner of self-tests counts them.
 *
 * `stress spaces 1000` is the same with a thousand spaces. Areas are not open to ring 3, so that the
 * kernel may touch them whatever the processor forbids it.
 */
#include "diag/selftest_case.h"
#include "lib/string.h"
#include "mm/vmm.h"

#define USUAL_AMOUNT 100 /* spaces, one after the other */
#define LIVING       8
#define PAGES        24
#define USER_ADDRESS ((uintptr_t)0x10000000)
#define STACK_TOP    ((uintptr_t)0x20000000)
#define STACK_PAGES  4 /* beyond what the area has at first */

struct life {
    struct vm_space *space; /* NULL: nobody lives here */
    bool mapped[PAGES];
    uint32_t value[PAGES];
};

static struct life lives[LIVING];

static uintptr_t page_address(unsigned page)
{
    return USER_ADDRESS + page * PAGE_SIZE;
}

static volatile uint32_t *page_word(unsigned page)
{
    return (volatile uint32_t *)page_address(page);
}

static enum status map_pages(struct vm_space *space, uintptr_t address, unsigned count,
                             unsigned flags)
{
    struct vm_request request = { .address = va(address),
                                  .size_bytes = count * PAGE_SIZE,
                                  .rights = PT_WRITE,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_EXACT | flags,
                                  .tag = FRAME_TEST,
                                  .name = "self-test" };

    return vm_map(space, &request, &(vaddr_t){ 0 });
}

/* --- birth and death ------------------------------------------------------------------------- */

static void begin_life(struct selftest *test, struct life *life)
{
    if (!selftest_ok(test, vm_space_create(&life->space), "creating a space"))
        return;
    (void)selftest_ok(test, map_pages(life->space, USER_ADDRESS, PAGES, 0), "mapping memory");
    (void)selftest_ok(test,
                      map_pages(life->space, STACK_TOP - PAGE_SIZE, 1, VM_GROWS_DOWN | VM_GUARDED),
                      "mapping a stack");
    (void)selftest_ok(test, map_pages(life->space, STACK_TOP + MiB, 1, VM_SHARED),
                      "mapping shared memory");
    for (unsigned page = 0; page < PAGES; page++) {
        life->mapped[page] = true;
        life->value[page] = 0;
    }
}

static void clone_life(struct selftest *test, struct life *life, const struct life *parent)
{
    struct vm_space *space;

    if (!selftest_ok(test, vm_space_clone(parent->space, &space), "cloning a space"))
        return;
    *life = *parent;
    life->space = space;
}

static void end_life(struct life *life)
{
    vm_space_destroy(life->space);
    life->space = NULL;
}

/* --- what happens in a life ------------------------------------------------------------------ */

static void dirty(struct selftest *test, struct life *life)
{
    for (unsigned times = 1 + selftest_below(test, PAGES); times > 0; times--) {
        unsigned page = selftest_below(test, PAGES);

        if (!life->mapped[page])
            continue;
        life->value[page] = (uint32_t)selftest_random(test);
        *page_word(page) = life->value[page];
    }
    *(volatile uint32_t *)(STACK_TOP - selftest_below(test, STACK_PAGES) * PAGE_SIZE - 8) = 1;
    *(volatile uint32_t *)(STACK_TOP + MiB) = 1;
}

static void cut(struct selftest *test, struct life *life)
{
    unsigned start = selftest_below(test, PAGES);
    unsigned end = start + 1 + selftest_below(test, PAGES - start);

    (void)selftest_ok(test,
                      vm_unmap(life->space, va(page_address(start)), (end - start) * PAGE_SIZE),
                      "unmapping");
    for (unsigned page = start; page < end; page++)
        life->mapped[page] = false;
}

static void mend(struct selftest *test, struct life *life)
{
    for (unsigned page = 0; page < PAGES; page++) {
        if (life->mapped[page])
            continue;
        (void)selftest_ok(test, map_pages(life->space, page_address(page), 1, 0), "mapping a page");
        life->mapped[page] = true;
        life->value[page] = 0;
    }
}

static void compare(struct selftest *test, const struct life *life)
{
    for (unsigned page = 0; page < PAGES; page++) {
        if (life->mapped[page])
            (void)selftest_check(test, *page_word(page) == life->value[page],
                                 "page %u holds 0x%x, 0x%x was written", page, *page_word(page),
                                 life->value[page]);
    }
}

static void live(struct selftest *test, struct life *life)
{
    struct vm_space *current = vm_space_current();

    vm_space_switch(life->space);
    dirty(test, life);
    if (selftest_below(test, 4) == 0)
        cut(test, life);
    if (selftest_below(test, 4) == 0)
        mend(test, life);
    compare(test, life);
    vm_space_switch(current);
}

/* --- the load -------------------------------------------------------------------------------- */

/* One more space: in the place of another one, if there is no free one. */
static void add_space(struct selftest *test)
{
    struct life *life = &lives[selftest_below(test, LIVING)];
    const struct life *parent = &lives[selftest_below(test, LIVING)];

    if (life->space != NULL) {
        (void)selftest_ok(test, vm_space_check(life->space), "a space's own check");
        end_life(life);
    }
    if (parent->space != NULL)
        clone_life(test, life, parent);
    else
        begin_life(test, life);
}

void selftest_spaces(struct selftest *test)
{
    unsigned amount = test->amount != 0 ? test->amount : USUAL_AMOUNT;

    memset(lives, 0, sizeof lives);
    for (unsigned i = 0; i < amount && !test->failed; i++) {
        add_space(test);
        for (unsigned turn = 0; turn < 2; turn++) {
            struct life *life = &lives[selftest_below(test, LIVING)];

            if (life->space != NULL && !test->failed)
                live(test, life);
        }
    }
    for (unsigned i = 0; i < LIVING; i++) {
        if (lives[i].space != NULL)
            end_life(&lives[i]);
    }
}
