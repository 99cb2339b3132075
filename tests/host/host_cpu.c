/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_cpu.c - the state of the thread that plays a processor.
 */
#include "lib/assert.h"
#include "arch/cpu.h"

_Thread_local struct host_cpu host_cpu = { .id = 0, .interrupts_on = true };

void host_cpu_set(unsigned id)
{
    VERIFY(id < CONFIG_MAX_CPUS);
    host_cpu.id = id;
}
