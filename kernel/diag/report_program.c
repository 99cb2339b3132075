/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_program.c - the report on a program that ended with an exception: one plain sentence, the place, the
 * program's registers, and for a page fault the walk through its tables. The kernel goes on.
 *
 * The program's space is still current.
 */
#include "arch/trap.h"
#include "diag/diag.h"
#include "dev/console.h"
#include "mm/vmm.h"
#include "report_walk.h"

void diag_report_program(const struct trap_frame *frame, const char *name, const char *sentence)
{
    struct print_sink *sink = console_sink();
    struct trap_info info;

    arch_trap_describe(frame, &info);
    print("\n------------------------------------------------------------- the program '%s' has "
          "failed\n%s.\n",
          name, sentence);
    print("%s (vector %u, error code 0x%llx) at 0x%llx\n", info.name, info.vector,
          (unsigned long long)info.error_code, (unsigned long long)va_value(info.instruction));
    arch_trap_print_error(&info, sink);
    arch_trap_print_registers(frame, sink);
    if (info.kind == TRAP_PAGE_FAULT)
        report_walk(vm_space_table(vm_space_current()), info.address);
}
