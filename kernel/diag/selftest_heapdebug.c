/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_heapdebug.c - the heap's debugging finds what it says it finds, on this machine.
 *
 * Each mistake is made with all options on: some are stopped by the processor, at an unmapped page or
 * by a pointer that is poison, and then the sentence of the fault report must name object and
 * place; the others are counted by the check. What was on before is on again afterwards.
 */

#include "diag/selftest_case.h"
#include "diag/diag.h"
#include "lib/string.h"
#include "mm/heap_debug.h"

#define TEXT_BYTES 384

static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++)
        if (strncmp(text, part, strlen(part)) == 0)
            return true;
    return false;
}

/* Options of this test. */
static bool debug(struct selftest *test, unsigned options, uint32_t guard_one_in)
{
    const struct heap_debug wish = { .options = options,
                                     .guard_one_in = guard_one_in,
                                     .seed = selftest_random(test) };

    return selftest_ok(test, heap_debug_set(&wish), "setting the heap's debugging");
}

/* The sentence about a fault names this object and these places. */
static void expect_sentence(struct selftest *test, const struct trap_info *info, const char *what,
                            bool freed)
{
    struct print_text said;
    char text[TEXT_BYTES];

    print_text_begin(&said, text, sizeof(text));
    diag_explain(info, &said.sink);
    (void)selftest_check(test,
                         contains(text, what) &&
                             contains(text, "allocated at selftest_heapdebug") &&
                             (!freed || contains(text, "freed at selftest_heapdebug")),
                         "'%s' and its places are missing: %s", what, text);
}

/* --- mistakes: out of line, so that their names stand in the reports ------------------------- */

[[gnu::noinline]] static uint8_t *selftest_heapdebug_alloc(size_t size_bytes)
{
    uint8_t *volatile object = kmalloc(size_bytes);

    return object;
}

[[gnu::noinline]] static bool selftest_heapdebug_free(void *object)
{
    volatile bool accepted = kfree(object);

    return accepted;
}

/* Guarded objects lie against the upper and the lower page by turns. */
static void check_guards(struct selftest *test)
{
    struct trap_info info;
    unsigned before = 0, behind = 0;

    for (unsigned turn = 0; turn < 2; turn++) {
        uint8_t *object = selftest_heapdebug_alloc(64);

        if (!selftest_check(test, object != NULL, "no memory"))
            return;
        if (selftest_write_faults(va_of(object + 64), &info)) {
            expect_sentence(test, &info, "1 byte behind the object of 64 bytes", false);
            behind++;
        } else if (selftest_read_faults(va_of(object - 1), &info)) {
            expect_sentence(test, &info, "1 byte before the object of 64 bytes", false);
            before++;
        }
        (void)selftest_check(test, selftest_heapdebug_free(object), "a right free was refused");
        if (selftest_check(test, selftest_read_faults(va_of(object + 9), &info),
                           "a freed object can be read"))
            expect_sentence(test, &info, "byte 10 of the freed object", true);
        if (selftest_check(test, selftest_write_faults(va_of(object), &info),
                           "a freed object can be written"))
            expect_sentence(test, &info, "byte 1 of the freed object", true);
    }
    (void)selftest_check(test, before == 1 && behind == 1, "guards: %u below and %u above", before,
                         behind);
}

static void check_uninitialised(struct selftest *test)
{
    uint8_t *object = selftest_heapdebug_alloc(64);
    struct trap_info info;
    uintptr_t pointer;

    if (!selftest_check(test, object != NULL, "no memory"))
        return;
    memcpy(&pointer, object + 16, sizeof(pointer));
    if (selftest_check(test, selftest_read_faults(va(pointer), &info),
                       "a pointer that was never written can be followed"))
        expect_sentence(test, &info, "uninitialised memory", false);
    (void)selftest_check(test, !heap_debug_initialised(object, 64),
                         "memory that was never written counts as written");
    (void)selftest_check(test, selftest_heapdebug_free(object), "a right free was refused");
    memcpy(&pointer, object + 16, sizeof(pointer));
    if (selftest_check(test, selftest_write_faults(va(pointer), &info),
                       "a pointer out of a freed object can be followed"))
        expect_sentence(test, &info, "freed memory", true);
}

/* Four damages, which the check must count. */
static void check_damage(struct selftest *test)
{
    uint8_t *object = selftest_heapdebug_alloc(100);
    uint8_t *freed = selftest_heapdebug_alloc(100);
    uint8_t *large = selftest_heapdebug_alloc(5000);
    size_t found;

    if (!selftest_check(test, object != NULL && freed != NULL && large != NULL, "no memory"))
        return;
    object[100] ^= 1;
    object[-1] ^= 1;
    large[5000] ^= 1;
    (void)selftest_heapdebug_free(freed);
    freed[50] ^= 1;
    found = heap_debug_check();
    (void)selftest_check(test, found == 3, "3 damaged objects, %zu found", found);
    (void)selftest_check(test, heap_debug_check() == 0, "damage is reported twice");
    (void)selftest_check(test, !selftest_heapdebug_free(freed), "a second free was accepted");
    (void)selftest_check(test, selftest_heapdebug_free(object) && selftest_heapdebug_free(large),
                         "a right free was refused");
}

void selftest_heapdebug(struct selftest *test)
{
    struct heap_debug before;

    heap_debug_get(&before);
    selftest_expect_begin();
    if (debug(test, HEAP_DEBUG_SITES, 1))
        check_guards(test);
    if (debug(test, HEAP_DEBUG_POISON | HEAP_DEBUG_QUARANTINE, 0))
        check_uninitialised(test);
    if (debug(test, HEAP_DEBUG_CANARY | HEAP_DEBUG_VERIFY | HEAP_DEBUG_QUARANTINE, 0))
        check_damage(test);
    selftest_expect_end();
    (void)selftest_ok(test, heap_debug_set(&before), "setting the heap's debugging back");
    (void)selftest_ok(test, heap_check(), "the heap's own counts");
}
