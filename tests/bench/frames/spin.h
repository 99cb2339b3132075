/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spin.h - the lock of the baselines: test and set, a cache line to itself.
 */
#ifndef MERIDIAN_BENCH_SPIN_H
#define MERIDIAN_BENCH_SPIN_H

#include <stdatomic.h>

struct spin {
    _Alignas(64) atomic_uint taken;
};

static inline void spin_take(struct spin *lock)
{
    while (atomic_exchange_explicit(&lock->taken, 1, memory_order_acquire) != 0)
        while (atomic_load_explicit(&lock->taken, memory_order_relaxed) != 0)
            __builtin_ia32_pause();
}

static inline void spin_give(struct spin *lock)
{
    atomic_store_explicit(&lock->taken, 0, memory_order_release);
}

#endif
