/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config.h - the toggles of a build. Each has its reason, a default and a check.
 *
 * Code asks `if (CONFIG_X)`, never `#if CONFIG_X`: both sides are always compiled. A build changes
 * one with `make CONFIG="-DCONFIG_X=1"`.
 */
#ifndef MERIDIAN_CONFIG_H
#define MERIDIAN_CONFIG_H

/* ASSERT checks, filling of freed memory, call sites in frame records. */
#ifndef CONFIG_DEBUG
#define CONFIG_DEBUG 0
#endif
_Static_assert(CONFIG_DEBUG == 0 || CONFIG_DEBUG == 1, "CONFIG_DEBUG is 0 or 1");

/* Order and places of locks are checked: see lib/lock.h. Unit tests are always built with it. */
#ifndef CONFIG_LOCK_CHECKS
#define CONFIG_LOCK_CHECKS CONFIG_DEBUG
#endif
_Static_assert(CONFIG_LOCK_CHECKS == 0 || CONFIG_LOCK_CHECKS == 1, "CONFIG_LOCK_CHECKS is 0 or 1");

/* What the compiler adds to every function: set by `make UBSAN=1` and `make KASAN=1`, and by nobody else. */
#ifndef CONFIG_UBSAN
#define CONFIG_UBSAN 0
#endif
#ifndef CONFIG_KASAN
#define CONFIG_KASAN 0
#endif
_Static_assert(CONFIG_UBSAN == 0 || CONFIG_UBSAN == 1, "CONFIG_UBSAN is 0 or 1");
_Static_assert(CONFIG_KASAN == 0 || CONFIG_KASAN == 1, "CONFIG_KASAN is 0 or 1");

/* Processors that the per-CPU caches have room for. */
#ifndef CONFIG_MAX_CPUS
#define CONFIG_MAX_CPUS 256
#endif
_Static_assert(CONFIG_MAX_CPUS >= 1 && CONFIG_MAX_CPUS <= 4096, "CONFIG_MAX_CPUS is 1 to 4096");

/* Bytes of log text kept in memory for the monitor's `log`; a power of two. */
#ifndef CONFIG_LOG_RING_BYTES
#define CONFIG_LOG_RING_BYTES 32768
#endif
_Static_assert((CONFIG_LOG_RING_BYTES & (CONFIG_LOG_RING_BYTES - 1)) == 0,
               "CONFIG_LOG_RING_BYTES is a power of two");

/* Bytes of a kernel stack, without its guards; a multiple of the page size. */
#ifndef CONFIG_KSTACK_BYTES
#define CONFIG_KSTACK_BYTES (sizeof(void *) == 4 ? 4096 : 16384)
#endif
_Static_assert(CONFIG_KSTACK_BYTES % 4096 == 0, "CONFIG_KSTACK_BYTES is whole pages");

/* Where the heap's window starts, and how many bytes it has at most; 0: as mm/layout.h draws it. The
 * command line may say otherwise: heap-start=, heap-max=. What does not fit is ignored there. */
#ifndef CONFIG_HEAP_START
#define CONFIG_HEAP_START 0
#endif
#ifndef CONFIG_HEAP_MAX_BYTES
#define CONFIG_HEAP_MAX_BYTES 0
#endif

#endif
