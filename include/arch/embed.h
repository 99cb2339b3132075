/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/embed.h - the port contract: what a program that embeds the memory manager provides, and how
 * it begins. docs/porting.md tells it with examples.
 *
 * The library calls the functions of the first two parts, by name; the linker finds them in the program. All may
 * be called on any processor or thread, also by several at once, inside of an allocation and with
 * interrupts off. None may call the library back, but where it says so. What has a default here is in
 * the library, weakly: a program that says nothing has one processor.
 *
 *                                     kernel (libmeridian-mm-x86_64.a)   process (libmeridian-mm.a)
 *   meridian_panic                    to be provided                     default: standard error, abort()
 *   meridian_log                      to be provided                     default: standard error
 *   meridian_cpu_id, _count,          default: one processor             threads get numbers by themselves
 *   meridian_cpu_interrupt
 *   meridian_map, meridian_unmap      page tables are the library's      to be provided
 *
 * Locks are the library's own. It asks nobody for the time. The functions on strings and memory that it needs are
 * a process's C library's; for a kernel that has none they are in the archive, weakly.
 */
#ifndef MERIDIAN_ARCH_EMBED_H
#define MERIDIAN_ARCH_EMBED_H

#include "lib/types.h"

/* --- everybody --------------------------------------------------------------------------- */

/* An invariant of the memory manager does not hold: memory is damaged, or the contract was broken.
 * `message` is one sentence without a newline. Locks may be held. Must not return; if it does, the library stops that
 * processor for good (a process: abort()). */
[[gnu::noreturn]] void meridian_panic(const char *message);

/* Levels are those of Linux. */
#define MERIDIAN_LOG_ERROR   3u /* a wrong free was refused, a table is damaged */
#define MERIDIAN_LOG_WARNING 4u
#define MERIDIAN_LOG_NOTICE  5u
#define MERIDIAN_LOG_INFO    6u
#define MERIDIAN_LOG_DEBUG   7u

/* One line, without a newline, at most 255 characters; `line` is gone when it returns. Locks may be
 * held. It cannot fail as far as the library is concerned. */
void meridian_log(unsigned level, const char *line);

/* --- a kernel's processors ---------------------------------------------------------------- */

/* Processors that the library has room for. */
#define MERIDIAN_CPUS_MAX 256u

/* The number of the calling processor, below meridian_cpu_count(); it may change only while interrupts are on
 * and no function of the library runs. Called by every allocation and free: a load or two. */
unsigned meridian_cpu_id(void);

/* Processors 0 .. count - 1 are online: they answer calls. Grows as processors start; a processor
 * counts, and has a number, before it calls the library. */
unsigned meridian_cpu_count(void);

/* Gets the attention of another processor that is online: once it has interrupts on, it has to call
 * meridian_cpu_answer(). Whoever asked waits for that, without an end: for flushes of the TLB, and for frames
 * that it keeps for itself. Several requests may become one interrupt. */
void meridian_cpu_interrupt(unsigned cpu);

/* The library's: answers what others asked of this processor. In the handler of that interrupt, with interrupts
 * off. */
void meridian_cpu_answer(void);

/* --- a process's memory ------------------------------------------------------------------- */

/* Puts [physical, + size_bytes) of the process's "RAM" behind the addresses at `page`, inside the
 * heap's window, readable and writable; whole pages, which show nothing yet. False: it cannot be, and the
 * allocation ends with NULL; nothing has changed then. A lock is held: not for allocations. */
bool meridian_map(void *page, uint64_t physical, size_t size_bytes);

/* The pages show nothing from now on: an access is the program's error. What was in the frames need not
 * stay. Cannot fail: a process that cannot give memory back ends itself. */
void meridian_unmap(void *page, size_t size_bytes);

/* --- beginning ---------------------------------------------------------------------------- */

/* The library's: where physical address 0 appears, or would appear. The memory map's RAM is readable
 * and writable there for good. The first call of all, once, early. */
void meridian_ram_at(void *physical_0);

#endif
