/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rules.c - what a loader must not do, and whether it did. UEFI 2.10, 7.4.6 (ExitBootServices), 2.3.4 (state
 * of the processor), 7.1 (task priority), 7.5 (watchdog).
 *
 *     whole ──ExitBootServices fails──> partly shut down ──anything else──> given up
 *       │                                   │
 *       └───────────succeeds────────────────┴──────────────────────────> gone
 *
 *   - ExitBootServices() follows a GetMemoryMap() at once: each other call may change the map;
 *   - after the first failure only those two are called, three times at least, for as long as the loader has
 *     a map to try with. A loader that calls something else has given up, and does not try again;
 *   - after a success nothing is called;
 *   - the processor's control registers, the flag of interrupts and the task priority are the firmware's;
 *   - memory is of the one type that is for loaders' data;
 *   - the watchdog is stopped, and the stack is no deeper than the specification promises.
 */
#include "hostile.h"

#define LEAST_TRIES     3u
#define FLAG_INTERRUPTS (1u << 9)
#define STACK_PROMISED                                                                             \
    (64u * 1024) /* half of what 2.3.4 promises: the firmware's services need some */

static enum phase { WHOLE, PARTIAL, GIVEN_UP, GONE } phase;
static UINTN failed_exits;
static UINTN last_site;
static BOOLEAN map_was_given;
static BOOLEAN watchdog_stopped;
static UINTN violations;

static struct state {
    UINTN cr0, cr3, cr4, interrupts;
    EFI_TPL level;
} at_start;

static struct state look(void)
{
    struct state state;
    UINTN rflags;

    __asm__ volatile("mov %%cr0, %0" : "=r"(state.cr0));
    __asm__ volatile("mov %%cr3, %0" : "=r"(state.cr3));
    __asm__ volatile("mov %%cr4, %0" : "=r"(state.cr4));
    __asm__ volatile("pushfq; popq %0" : "=r"(rflags));
    state.interrupts = rflags & FLAG_INTERRUPTS;
    state.level = honest.RaiseTPL(TPL_HIGH_LEVEL);
    honest.RestoreTPL(state.level);
    return state;
}

void rules_violation(const char *what, UINTN site)
{
    violations++;
    say("HOSTILE: violation: %s (%s)\r\n", what, site < SITE_COUNT ? sites[site].name : "no call");
}

UINTN rules_violations(void)
{
    return violations;
}

void rules_begin(void)
{
    phase = WHOLE;
    failed_exits = violations = 0;
    last_site = SITE_COUNT;
    map_was_given = watchdog_stopped = FALSE;
    at_start = look();
}

static void check_state(UINTN site)
{
    struct state now = look();

    if (now.cr0 != at_start.cr0 || now.cr3 != at_start.cr3 || now.cr4 != at_start.cr4)
        rules_violation("changes the processor's control registers", site);
    if (now.interrupts != at_start.interrupts)
        rules_violation("calls with interrupts off", site);
    if (now.level != at_start.level && site != SITE_RestoreTPL)
        rules_violation("calls at another task priority", site);
}

static void check_phase(UINTN site)
{
    BOOLEAN leaving = site == SITE_GetMemoryMap || site == SITE_ExitBootServices;

    if (site == SITE_ExitBootServices && last_site != SITE_GetMemoryMap)
        rules_violation("leaves without a map from just before", site);
    if (phase == GIVEN_UP && leaving)
        rules_violation("tries to leave again after other calls", site);
    if (phase != PARTIAL || leaving)
        return;
    if (failed_exits < LEAST_TRIES && map_was_given)
        rules_violation("calls another service after a failed ExitBootServices", site);
    phase = GIVEN_UP;
}

void rules_before(UINTN site)
{
    if (phase == GONE) {
        rules_violation("calls a service after ExitBootServices", site);
        return;
    }
    check_state(site);
    check_phase(site);
    last_site = site;
}

void rules_map_given(BOOLEAN good)
{
    map_was_given = good;
}

void rules_exit_failed(void)
{
    failed_exits++;
    phase = PARTIAL;
}

void rules_exit_succeeded(void)
{
    phase = GONE;
    if (!watchdog_stopped)
        rules_violation("leaves with the watchdog running", SITE_ExitBootServices);
}

void rules_watchdog_stopped(void)
{
    watchdog_stopped = TRUE;
}

BOOLEAN rules_services_are_gone(void)
{
    return phase == GONE;
}

void rules_end(void)
{
    if (phase == GONE && !run.came_back)
        rules_violation("returns after ExitBootServices", SITE_COUNT);
    if (phase != GONE)
        check_state(SITE_COUNT);
    if (run.stack_bytes >= STACK_PROMISED)
        rules_violation("uses more of the stack than there need be", SITE_COUNT);
    if (ledger_count(HELD_PROTOCOL) > 0)
        rules_violation("leaves protocols open", SITE_COUNT);
}
