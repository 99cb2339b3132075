/* SPDX-License-Identifier: BSD-2-Clause
 *
 * copy.c - memory of a program, read and written by the kernel.
 *
 * An address from a program is a number until it is proved to lie in the lower half; then it may be
 * touched, once, by the one routine whose faults are survived (arch_user_copy()). Nothing is asked
 * of the areas first: the page tables know, and a page that is not there yet comes as it would for
 * the program itself. What is read is read once, into memory of the kernel.
 */
#include "process.h"
#include "range.h"

bool process_read(const struct process *process, uintptr_t from, void *to, size_t size_bytes)
{
    return range_ends_below(from, size_bytes, process_end_of_space(process)) &&
           arch_user_copy(to, va_ptr(va(from)), size_bytes);
}

bool process_write_to(const struct process *process, uintptr_t to, const void *from,
                      size_t size_bytes)
{
    return range_ends_below(to, size_bytes, process_end_of_space(process)) &&
           arch_user_copy(va_ptr(va(to)), from, size_bytes);
}
