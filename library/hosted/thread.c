/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread.c - threads as processors.
 *
 * Numbers are bits of a small table, taken and given back with one atomic operation. A thread that ends
 * gives the frames that it kept for itself back before its number (pmm_drain()); objects of the heap that it had in
 * its magazines serve the next thread of that number.
 *
 * A thread cannot be interrupted to do something for another, so none counts as online but the one that
 * asks: what others keep for themselves stays theirs until they use or return it.
 */
#include <pthread.h>

#include "arch/cpu.h"
#include "config.h"
#include "lib/assert.h"
#include "lib/types.h"
#include "mm/pmm.h"
#include "smp/call.h"
#include "smp/smp.h"

#define WORD_BITS 64u
#define WORDS     (CONFIG_MAX_CPUS / WORD_BITS)
static_assert(CONFIG_MAX_CPUS % WORD_BITS == 0, "numbers fill words");

_Thread_local unsigned library_thread;

static uint64_t taken[WORDS];
static pthread_key_t ending;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct smp_cpu nobody;

/* --- numbers ----------------------------------------------------------------------------- */

static bool take_number(unsigned *number)
{
    for (unsigned word = 0; word < WORDS; word++) {
        uint64_t bits = __atomic_load_n(&taken[word], __ATOMIC_RELAXED);

        while (bits != UINT64_MAX) {
            unsigned free_bit = (unsigned)__builtin_ctzll(~bits);

            if (__atomic_compare_exchange_n(&taken[word], &bits, bits | (uint64_t)1 << free_bit,
                                            false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                *number = word * WORD_BITS + free_bit;
                return true;
            }
        }
    }
    return false;
}

static void give_number_back(unsigned number)
{
    (void)__atomic_fetch_and(&taken[number / WORD_BITS], ~((uint64_t)1 << number % WORD_BITS),
                             __ATOMIC_RELEASE);
}

/* Other destructors of the thread may still call the library: it then gets a number anew, and comes here
 * again. */
static void end_thread(void *key)
{
    unsigned number = library_thread - 1;

    (void)key;
    pmm_drain();
    library_thread = 0;
    give_number_back(number);
}

static void make_key(void)
{
    VERIFY(pthread_key_create(&ending, end_thread) == 0);
}

void library_thread_begin(void)
{
    unsigned number;

    if (!take_number(&number))
        panic("More than %u threads use the memory manager at once", CONFIG_MAX_CPUS);
    library_thread = number + 1;
    VERIFY(pthread_once(&once, make_key) == 0);
    VERIFY(pthread_setspecific(ending, &library_thread) == 0);
}

/* --- what the memory manager asks about processors ---------------------------------------- */

unsigned smp_count(void)
{
    return 1;
}

unsigned smp_limit(void)
{
    return CONFIG_MAX_CPUS;
}

bool smp_is_online(unsigned cpu)
{
    return cpu == arch_cpu_id();
}

struct smp_cpu *smp_cpu(unsigned cpu)
{
    (void)cpu;
    return &nobody;
}

bool smp_calls_run(void)
{
    return false;
}

void smp_call_on(unsigned cpu, void (*function)(const void *context), const void *context)
{
    if (cpu == arch_cpu_id())
        function(context);
}
