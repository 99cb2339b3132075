/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/diag.h - what went wrong, told so that it can be understood; and how the machine ends.
 *
 * diag_exception() (arch/trap.h) and panic() (lib/assert.h) print a report and then end: with the
 * failure code when an end was asked for, otherwise they say that the machine is stopped and wait
 * for a key. Nothing resets in silence, and a fault inside a report ends it with one short line.
 */
#ifndef MERIDIAN_DIAG_DIAG_H
#define MERIDIAN_DIAG_DIAG_H

#include "arch/trap.h"
#include "lib/print.h"

/* Something failed: a self-test, a command, an invariant. The exit code tells. */
void diag_note_failure(void);
bool diag_has_failed(void);

/* An end is asked for, now or later (`exit` on the command line or still to come in run="..."):
 * a report then leaves through isa-debug-exit instead of waiting for a key. */
void diag_expect_exit(bool expected);

/* The end: the event `exit`, then isa-debug-exit with the code that diag_has_failed() asks for.
 * Where there is no such device, says that the machine may be switched off and stops. */
[[gnu::noreturn]] void diag_exit(void);

/* The same with a code of the caller's choice. */
[[gnu::noreturn]] void diag_exit_with(uint8_t code);

/* "#3 0xffffffff80001234 pmm_alloc+0x24", one line a frame, from the caller of the function that
 * `frame_pointer` belongs to upwards. Any context. */
void diag_stack_trace(struct print_sink *sink, vaddr_t frame_pointer);

/* "pmm_alloc+0x24" for a place in the kernel's code, its address for any other; as print_buffer(). */
size_t diag_place_name(const void *place, char *text, size_t size);

/* What an exception means, in one plain sentence without the full stop. */
void diag_explain(const struct trap_info *info, struct print_sink *sink);

/* The same into a buffer of `size` > 0 bytes; what does not fit is left out. */
void diag_sentence(const struct trap_info *info, char *text, size_t size);

/* The report on an exception that the kernel outlives, of the program `program`, whose space is current, or of
 * the kernel (NULL). It is noted in the fault log; one that is there already is only counted. */
void diag_report(const struct trap_frame *frame, const char *program);

#endif
