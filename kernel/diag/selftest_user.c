/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_user.c - the programs that the kernel carries, each run to the end that it must find.
 *
 * Those that behave end with code 0. Those that do not are ended by the exception that belongs to
 * their deed, at the place of the deed; afterwards everything that they had is free again, and a
 * program that behaves runs as if they had never been. Where the timer ticks, one without an end meets it. Where a processor lacks the protection that
 * stops one, that program must notice so itself, and ends with code 1.
 */

#include "diag/selftest_case.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "smp/smp.h"
#include "user/program.h"

#define LOOP_TICKS 2u

/* How a program must end; page faults also with this access, in this area. */
struct expected {
    const char *name;
    enum trap_kind kind;
    unsigned access;
    const char *area;
    const char *protection; /* what stops it; NULL: every processor does */
};

static const struct expected hostile[] = {
    { "kernel", TRAP_PAGE_FAULT, 0, NULL, NULL },
    { "data", TRAP_PAGE_FAULT, TRAP_ACCESS_EXECUTE | TRAP_ACCESS_PRESENT, "data", "NX" },
    { "text", TRAP_PAGE_FAULT, TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT, "text", NULL },
    { "stack", TRAP_PAGE_FAULT, TRAP_ACCESS_WRITE, NULL, NULL },
    { "gdt", TRAP_PROTECTION, 0, NULL, "UMIP" },
    { "cli", TRAP_PROTECTION, 0, NULL, NULL },
    { "fpu", TRAP_NO_FPU, 0, NULL, NULL },
    { "step", TRAP_DEBUG, 0, NULL, NULL },
};

static bool run_for(struct selftest *test, const char *name, unsigned most_ticks,
                    struct program_end *end)
{
    enum status status = program_run(name, PROGRAM_SILENT, most_ticks, end);

    if (!selftest_check(test, status == STATUS_OK, "'%s' could not be started: %s", name,
                        status_name(status)))
        return false;
    return selftest_check(
        test, end->frames_before == end->frames_after, "'%s': %llu frames free before, %llu after",
        name, (unsigned long long)end->frames_before, (unsigned long long)end->frames_after);
}

static bool run(struct selftest *test, const char *name, struct program_end *end)
{
    return run_for(test, name, 0, end);
}

static void check_good(struct selftest *test, const char *name)
{
    struct program_end end;

    if (run(test, name, &end))
        (void)selftest_check(test, !end.faulted && end.code == 0, "'%s': %s (%llu)", name,
                             end.faulted ? end.sentence : "a wrong code",
                             (unsigned long long)end.code);
}

static void check_hostile(struct selftest *test, const struct expected *expected)
{
    const unsigned compared = TRAP_ACCESS_WRITE | TRAP_ACCESS_EXECUTE | TRAP_ACCESS_USER |
                              (expected->area != NULL ? TRAP_ACCESS_PRESENT : 0u);
    struct program_end end;

    if (!run(test, expected->name, &end))
        return;
    if (expected->protection != NULL && !selftest_is_protected_by(expected->protection)) {
        (void)selftest_check(test, !end.faulted && end.code == 1, "'%s' was ended without %s",
                             expected->name, expected->protection);
        return;
    }
    if (!selftest_check(test, end.faulted, "'%s' was not stopped", expected->name) ||
        !selftest_check(test, end.fault.user && end.fault.kind == expected->kind,
                        "'%s' was ended by a %s", expected->name, end.fault.name))
        return;
    if (expected->kind == TRAP_PAGE_FAULT)
        (void)selftest_check(test,
                             (end.fault.access & compared) == (expected->access | TRAP_ACCESS_USER),
                             "'%s' was ended by access 0x%x", expected->name, end.fault.access);
    if (expected->area != NULL)
        (void)selftest_check(test, end.area != NULL && strcmp(end.area, expected->area) == 0,
                             "'%s' touched '%s'", expected->name,
                             end.area != NULL ? end.area : "no area");
}

/* What a system call at the very end of user space returns to: the kernel's first address, or one that
 * is not canonical. To that it may not return at all, so that it is not even answered. */
static void check_edge(struct selftest *test)
{
    struct program_end end;

    if (!run(test, "edge", &end) || !selftest_check(test, end.faulted, "'edge' was not stopped"))
        return;
    (void)selftest_check(test,
                         end.fault.user &&
                             (end.fault.kind == TRAP_PROTECTION
                                  ? end.refused == 0
                                  : va_value(end.fault.address) == LAYOUT_KERNEL_HALF),
                         "'edge': %s, %u calls refused", end.sentence, end.refused);
}

/* A program without an end. */
static void check_loop(struct selftest *test)
{
    struct program_end end;

    if (smp_tick_hertz() == 0 || !run_for(test, "loop", LOOP_TICKS, &end))
        return;
    (void)selftest_check(test, end.faulted && end.fault.user && end.fault.kind == TRAP_TICK,
                         "'loop': %s", end.faulted ? end.sentence : "it ended");
}

void selftest_user(struct selftest *test)
{
    check_good(test, "tour");
    check_good(test, "clone");
    check_good(test, "pointers");
    for (size_t i = 0; i < ARRAY_COUNT(hostile) && !test->failed; i++)
        check_hostile(test, &hostile[i]);
    check_edge(test);
    check_loop(test);
    check_good(test, "tour");
}
