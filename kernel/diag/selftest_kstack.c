/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_kstack.c - kernel stacks hold what is written to them, and their guards stop the rest.
 */

#include "diag/selftest_case.h"
#include "config.h"
#include "lib/string.h"
#include "mm/kstack.h"
#include "mm/layout.h"

#define STACKS     6
#define OPERATIONS 60

static const char stack_name[] = "self-test";

/* The lowest byte of the stack that ends at `top`. */
static uint8_t *stack_bottom(vaddr_t top)
{
    return (uint8_t *)va_ptr(top) - CONFIG_KSTACK_BYTES;
}

static bool check_guard(struct selftest *test, vaddr_t address)
{
    struct trap_info info;
    const char *owner = kstack_guard_owner(address);

    if (!selftest_check(test, owner != NULL && strcmp(owner, stack_name) == 0,
                        "the guard at 0x%llx belongs to %s", (unsigned long long)va_value(address),
                        owner == NULL ? "nobody" : owner))
        return false;
    if (!selftest_check(test, selftest_write_faults(address, &info), "a guard page can be written"))
        return false;
    return selftest_check(test, info.kind == TRAP_PAGE_FAULT && va_equal(info.address, address),
                          "a guard page made a %s at 0x%llx", info.name,
                          (unsigned long long)va_value(info.address));
}

static bool create(struct selftest *test, vaddr_t *top, uint8_t pattern)
{
    if (!selftest_ok(test, kstack_create(stack_name, top), "creating a stack") ||
        !selftest_check(test, va_value(*top) % 16 == 0, "a stack ends at 0x%llx",
                        (unsigned long long)va_value(*top)))
        return false;
    memset(stack_bottom(*top), pattern, CONFIG_KSTACK_BYTES);
    return check_guard(test, va_of(stack_bottom(*top) - 1)) && check_guard(test, *top);
}

static bool destroy(struct selftest *test, vaddr_t *top, uint8_t pattern)
{
    const uint8_t *bottom = stack_bottom(*top);
    bool intact = true;
    struct trap_info info;

    for (size_t i = 0; i < CONFIG_KSTACK_BYTES; i++)
        intact = intact && bottom[i] == pattern;
    kstack_destroy(*top);
    *top = va(0);
    return selftest_check(test, intact, "a stack was overwritten") &&
           selftest_check(test, selftest_read_faults(va_of(bottom), &info),
                          "a stack can be read after its end");
}

void selftest_kstack(struct selftest *test)
{
    vaddr_t tops[STACKS] = { 0 };

    for (int i = 0; i < OPERATIONS && !test->failed; i++) {
        uint8_t slot = (uint8_t)selftest_below(test, STACKS);

        if (va_value(tops[slot]) == 0)
            (void)create(test, &tops[slot], slot);
        else
            (void)destroy(test, &tops[slot], slot);
    }
    for (uint8_t slot = 0; slot < STACKS; slot++) {
        if (va_value(tops[slot]) != 0)
            (void)destroy(test, &tops[slot], slot);
    }
}
