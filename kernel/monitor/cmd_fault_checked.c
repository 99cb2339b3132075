/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_fault_checked.c - fault smash, variable, free-frame, shift, overflow, bounds: mistakes that no processor
 * stops, but a check that the compiler added does.
 *
 * The stack protector is in every kernel; the others are found by those built with KASAN=1 or UBSAN=1
 * (mk/sanitize.mk), and only told of here otherwise. As in cmd_fault.c, functions are named for their mistakes,
 * kept out of line, and what they go wrong with is volatile.
 */

#include "arch/mmu.h"
#include "config.h"
#include "lib/string.h"
#include "mm/pmm.h"
#include "monitor/commands.h"

#define ARRAY_WORDS 4
#define BEYOND      (ARRAY_WORDS + 4) /* the frame pointer and the return address are before that */

static volatile unsigned beyond = BEYOND;
static volatile unsigned too_far = 32;
static volatile int most = INT32_MAX;
static volatile unsigned numbers[ARRAY_WORDS];

/* Through a pointer that the compiler knows nothing of: the array is not what is checked here. */
[[gnu::noinline]] static void fill(volatile uintptr_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        words[i] = i;
}

[[gnu::noinline]] static void smash_own_stack(void)
{
    volatile uintptr_t words[ARRAY_WORDS];

    fill(words, beyond);
}

[[gnu::noinline]] static void write_behind_variable(void)
{
    volatile uint8_t *bytes = (volatile uint8_t *)numbers;

    bytes[beyond * sizeof(numbers[0]) / 2 + 1] = 0;
}

[[gnu::noinline]] static void write_to_free_frame(void)
{
    volatile uint8_t *bytes;
    pfn_t frame;

    if (pmm_alloc_frame(FRAME_TEST, &frame) != STATUS_OK)
        return;
    bytes = arch_phys_ptr(pfn_to_pa(frame));
    (void)pmm_free_frame(frame);
    bytes[1] = 0;
}

[[gnu::noinline]] static void shift_too_far(void)
{
    numbers[0] = 1u << too_far;
}

[[gnu::noinline]] static void overflow_integer(void)
{
    most = most + 1;
}

[[gnu::noinline]] static void index_beyond_array(void)
{
    numbers[0] = numbers[beyond];
}

static const struct {
    const char *name;
    void (*provoke)(void);
    bool found; /* by this kernel */
    const char *wanted;
} faults[] = {
    { "smash", smash_own_stack, true, NULL },
    { "variable", write_behind_variable, CONFIG_KASAN, "KASAN" },
    { "free-frame", write_to_free_frame, CONFIG_KASAN, "KASAN" },
    { "shift", shift_too_far, CONFIG_UBSAN, "UBSAN" },
    { "overflow", overflow_integer, CONFIG_UBSAN, "UBSAN" },
    { "bounds", index_beyond_array, CONFIG_UBSAN, "UBSAN" },
};

bool fault_checked_provoke(const struct command_call *call, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        if (strcmp(name, faults[i].name) != 0)
            continue;
        if (faults[i].found) {
            faults[i].provoke();
            (void)command_fail(call, "nothing noticed it");
        } else {
            (void)command_fail(call,
                               "this kernel does not look for that: make %s=1 builds one that does",
                               faults[i].wanted);
        }
        return true;
    }
    return false;
}
