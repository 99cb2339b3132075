/* SPDX-License-Identifier: BSD-2-Clause
 *
 * random.c - numbers that are hard to guess, for a kernel that no firmware gives any: arch/boot.h.
 *
 * RDRAND where the processor has it. Else readings of the time-stamp counter around a port access
 * that takes varying time, folded and mixed: better than nothing, and called guessable. A processor
 * without the counter has nothing to offer.
 *
 * Source: SDM vol. 1, 7.3.17 "Random Number Generator Instructions".
 */
#include "arch/boot.h"

#include "arch/port.h"
#include "arch/x86/cpuid.h"

#define TRIES        10u /* a generator that fails ten times in a row is broken: 7.3.17.1 */
#define TURNS        64u /* readings a word */
#define DELAY_PORT   0x80u
#define MIX_MULTIPLY 0xff51afd7ed558ccdu /* odd; spreads each bit over the upper ones */

static bool next_random(uint32_t *value)
{
    bool done = false;

    for (unsigned i = 0; i < TRIES && !done; i++)
        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(done));
    return done;
}

/* Some processors return one value for ever after a sleep: equal words are none. */
static bool fill_from_generator(uint64_t *words, size_t count)
{
    bool differ = false;

    for (size_t i = 0; i < count; i++) {
        uint32_t low, high;

        if (!next_random(&low) || !next_random(&high))
            return false;
        words[i] = (uint64_t)high << 32 | low;
        differ |= words[i] != words[0];
    }
    return differ;
}

static uint64_t counter_read(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void fill_from_counter(uint64_t *words, size_t count)
{
    uint64_t state = 0;

    for (size_t i = 0; i < count; i++) {
        for (unsigned turn = 0; turn < TURNS; turn++) {
            arch_port_write8(DELAY_PORT, 0);
            state = (state << 7 | state >> 57) ^ counter_read();
            state *= MIX_MULTIPLY;
            state ^= state >> 32;
        }
        words[i] = state;
    }
}

enum arch_random arch_boot_random(uint64_t *words, size_t count)
{
    struct cpuid features = cpuid_or_zero(CPUID_FEATURES, 0);

    if ((features.ecx & CPUID_1_ECX_RDRAND) != 0 && fill_from_generator(words, count))
        return ARCH_RANDOM_GENERATOR;
    if ((features.edx & CPUID_1_EDX_TSC) == 0)
        return ARCH_RANDOM_NONE;
    fill_from_counter(words, count);
    return ARCH_RANDOM_COUNTER;
}
