/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pointers.c - hostile: passes bad pointers to system calls, and clones more than it may.
 *
 * Each must be refused with an error, and change nothing; then the program ends by itself.
 */
#include "lib/print.h"
#include "program.h"

#define KERNEL ((uintptr_t)0 - 0x80000000u + 0x40000000u * (sizeof(void *) == 4))

static unsigned accepted;

static void must_fail(const char *what, uintptr_t number, uintptr_t first, uintptr_t second,
                      uintptr_t third)
{
    uintptr_t result = user_call(number, first, second, third);

    if (result >= USER_ERROR_FIRST)
        return;
    print("%s was accepted!\n", what);
    accepted++;
}

static void bad_texts(uintptr_t user_end, uintptr_t page)
{
    must_fail("text at address 0", USER_CALL_WRITE, 0, 16, 0);
    must_fail("text where nothing is mapped", USER_CALL_WRITE, USER_MAP_END, 16, 0);
    must_fail("text of the kernel", USER_CALL_WRITE, KERNEL, 16, 0);
    must_fail("text across the end of user space", USER_CALL_WRITE, user_end - 8, 16, 0);
    must_fail("text that wraps", USER_CALL_WRITE, page, UINTPTR_MAX, 0);
    must_fail("too much text", USER_CALL_WRITE, page, USER_TEXT_MOST + 1, 0);
    must_fail("text at the last byte", USER_CALL_WRITE, UINTPTR_MAX, 1, 0);
    must_fail("text at the end of an area", USER_CALL_WRITE, page + PAGE_SIZE - 8, 16, 0);
    must_fail("text at a stack's limit", USER_CALL_WRITE, USER_LIMIT_START, 16, 0);
}

static void bad_ranges(uintptr_t user_end, uintptr_t page)
{
    must_fail("no memory at all", USER_CALL_MAP, 0, 0, USER_WRITE);
    must_fail("more than there is", USER_CALL_MAP, 0, UINTPTR_MAX, USER_WRITE);
    must_fail("page 0", USER_CALL_MAP, 1, PAGE_SIZE, USER_WRITE);
    must_fail("low memory", USER_CALL_MAP, PAGE_SIZE, PAGE_SIZE, USER_WRITE);
    must_fail("an odd address", USER_CALL_MAP, USER_MAP_END + 1, PAGE_SIZE, USER_WRITE);
    must_fail("the kernel's half", USER_CALL_MAP, KERNEL, PAGE_SIZE, USER_WRITE);
    must_fail("a range beyond user space", USER_CALL_MAP, user_end - PAGE_SIZE, 2 * PAGE_SIZE, 0);
    must_fail("what is taken", USER_CALL_MAP, page, PAGE_SIZE, USER_WRITE);
    must_fail("writable code", USER_CALL_MAP, 0, PAGE_SIZE, USER_WRITE | USER_EXECUTE);
    must_fail("unknown rights", USER_CALL_MAP, 0, PAGE_SIZE, 1u << 12);
    must_fail("unmapping the kernel", USER_CALL_UNMAP, KERNEL, PAGE_SIZE, 0);
    must_fail("unmapping all there is", USER_CALL_UNMAP, 0, UINTPTR_MAX, 0);
    must_fail("unmapping across the end", USER_CALL_UNMAP, user_end - PAGE_SIZE, 2 * PAGE_SIZE, 0);
    must_fail("protecting the kernel", USER_CALL_PROTECT, KERNEL, PAGE_SIZE, USER_WRITE);
    must_fail("protecting nothing", USER_CALL_PROTECT, USER_MAP_END, PAGE_SIZE, 0);
    must_fail("making data code", USER_CALL_PROTECT, page, PAGE_SIZE, USER_WRITE | USER_EXECUTE);
}

static void bad_answers(uintptr_t page)
{
    must_fail("an answer to the kernel", USER_CALL_CLONE, KERNEL, 0, 0);
    must_fail("an answer to code", USER_CALL_CLONE, (uintptr_t)main, 0, 0);
    must_fail("an answer across the end of an area", USER_CALL_CLONE, page + PAGE_SIZE - 1, 0, 0);
    must_fail("a call that is none", USER_CALL_COUNT, 0, 0, 0);
    must_fail("a call with a huge number", UINTPTR_MAX, 0, 0, 0);
}

/* Clones of clones, until the next one is refused; how many there were. */
static uintptr_t clone_clones(void)
{
    uintptr_t depth = 0, below = 0, result;

    while ((result = user_call(USER_CALL_CLONE, (uintptr_t)&below, 0, 0)) == USER_IN_CLONE)
        depth++;
    if (result != USER_IN_ORIGINAL)
        below = result == (uintptr_t)0 - STATUS_NO_SPACE ? depth : UINTPTR_MAX;
    if (depth > 0)
        user_exit(below);
    return below;
}

int main(uintptr_t user_end)
{
    void *page;

    if (user_map(NULL, PAGE_SIZE, USER_WRITE, &page) != STATUS_OK)
        return 2;
    say("passing bad pointers to system calls");
    bad_texts(user_end, (uintptr_t)page);
    bad_ranges(user_end, (uintptr_t)page);
    bad_answers((uintptr_t)page);
    if (clone_clones() != USER_SPACES_MOST - 1)
        return 1;
    if (*(volatile uint8_t *)page != 0)
        return 1;
    return accepted == 0 ? 0 : 1;
}
