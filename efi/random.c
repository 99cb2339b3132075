/* SPDX-License-Identifier: BSD-2-Clause
 *
 * random.c - see random.h. UEFI 2.10, 37.5; Intel SDM vol. 1, 7.3.17.
 */
#include "random.h"

#include "cpu.h"
#include "lib/string.h"
#include "sha256.h"
#include "uefi.h"

#define POOL_WORDS    8u
#define RDRAND_TRIES  10u /* SDM: a generator that fails ten times in a row is broken */
#define COUNTER_TURNS 64u

static EFI_GUID rng_guid = EFI_RNG_PROTOCOL_GUID;

struct pool {
    uint64_t words[POOL_WORDS];
    uint64_t label; /* hashed with the rest: another label, other bits */
};

static bool fill_from_protocol(struct pool *pool)
{
    EFI_RNG_PROTOCOL *generator = NULL;

    if (EFI_ERROR(uefi.boot->LocateProtocol(&rng_guid, NULL, (void **)&generator)))
        return false;
    return !EFI_ERROR(
        generator->GetRNG(generator, NULL, sizeof(pool->words), (UINT8 *)pool->words));
}

static bool next_random(uint64_t *value)
{
    for (unsigned i = 0; i < RDRAND_TRIES; i++) {
        if (cpu_random(value))
            return true;
    }
    return false;
}

/* Some processors return the same word for ever after a sleep: a pool of equal words is none. */
static bool fill_from_processor(struct pool *pool)
{
    bool differ = false;

    if ((cpuid_or_zero(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_RDRAND) == 0)
        return false;
    for (unsigned i = 0; i < POOL_WORDS; i++) {
        if (!next_random(&pool->words[i]))
            return false;
        differ |= pool->words[i] != pool->words[0];
    }
    return differ;
}

/* The counter's low bits, gathered over a loop whose turns take varying time. */
static void fill_from_counter(struct pool *pool)
{
    for (unsigned i = 0; i < COUNTER_TURNS; i++) {
        uint64_t *word = &pool->words[i % POOL_WORDS];

        *word = (*word << 7 | *word >> 57) ^ cpu_timestamp();
    }
}

/* Sources that failed half-way leave their bits in the pool, which does no harm. */
static enum handoff_seed_source fill(struct pool *pool)
{
    if (fill_from_protocol(pool))
        return HANDOFF_SEED_RNG_PROTOCOL;
    if (fill_from_processor(pool))
        return HANDOFF_SEED_RDRAND;
    fill_from_counter(pool);
    return HANDOFF_SEED_TSC;
}

static void derive(struct pool *pool, uint64_t label, uint8_t digest[SHA256_BYTES])
{
    pool->label = label;
    sha256_of(pool, sizeof(*pool), digest);
}

void random_collect(struct randomness *randomness)
{
    struct pool pool = { 0 };
    uint8_t slides[SHA256_BYTES];

    static_assert(HANDOFF_SEED_BYTES == SHA256_BYTES, "the seed is one digest");
    randomness->source = fill(&pool);
    derive(&pool, 1, randomness->seed);
    derive(&pool, 2, slides);
    memcpy(&randomness->image_slide, slides, sizeof(uint64_t));
    memcpy(&randomness->direct_map_slide, slides + sizeof(uint64_t), sizeof(uint64_t));
}
