/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_smp.c - the processors of a hosted program. host_smp.h has the contract.
 */
#include "host_smp.h"

#include <pthread.h>

#include "arch/cpu.h"
#include "arch/smp.h"
#include "lib/assert.h"
#include "smp/call.h"
#include "smp/smp.h"

static struct smp_cpu cpus[CONFIG_MAX_CPUS];
static uint32_t played[CONFIG_MAX_CPUS];
static unsigned cpu_count = 1;
static unsigned interrupts_sent;
static pthread_mutex_t nobodys = PTHREAD_MUTEX_INITIALIZER;

/* --- smp/smp.h --------------------------------------------------------------------------- */

unsigned smp_count(void)
{
    return cpu_count;
}

unsigned smp_limit(void)
{
    return cpu_count;
}

bool smp_is_online(unsigned cpu)
{
    return cpu < cpu_count;
}

struct smp_cpu *smp_cpu(unsigned cpu)
{
    return cpu < CONFIG_MAX_CPUS ? &cpus[cpu] : NULL;
}

/* --- interrupts -------------------------------------------------------------------------- */

/* What a processor that nobody plays would do; one thread at a time plays it for that long. */
static void answer_for(unsigned cpu)
{
    unsigned here = arch_cpu_id();

    pthread_mutex_lock(&nobodys);
    host_cpu_set(cpu);
    (void)smp_calls_run();
    host_cpu_set(here);
    pthread_mutex_unlock(&nobodys);
}

void arch_smp_send_call(unsigned cpu)
{
    VERIFY(cpu < cpu_count && cpu != arch_cpu_id());
    __atomic_fetch_add(&interrupts_sent, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&played[cpu], __ATOMIC_SEQ_CST) == 0)
        answer_for(cpu);
}

void host_cpu_interrupt(void)
{
    host_cpu.interrupts_on = false;
    (void)smp_calls_run();
    host_cpu.interrupts_on = true;
}

void host_smp_poll(void)
{
    if (host_cpu.answers && host_cpu.interrupts_on)
        host_cpu_interrupt();
}

unsigned host_smp_sent(void)
{
    return __atomic_load_n(&interrupts_sent, __ATOMIC_RELAXED);
}

/* --- who is there ------------------------------------------------------------------------ */

void host_smp_start(unsigned count)
{
    VERIFY(count >= 1 && count <= CONFIG_MAX_CPUS);
    cpu_count = count;
    interrupts_sent = 0;
    for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
        cpus[cpu] = (struct smp_cpu){ .state = cpu < count ? SMP_ONLINE : SMP_NONE };
        played[cpu] = 0;
    }
}

void host_smp_play(unsigned id)
{
    host_cpu_set(id);
    host_cpu.answers = true;
    __atomic_store_n(&played[id], 1, __ATOMIC_SEQ_CST);
}

/* Whoever asked before it was gone is answered here, whoever asks later by answer_for(). */
void host_smp_leave(void)
{
    host_cpu.answers = false;
    __atomic_store_n(&played[host_cpu.id], 0, __ATOMIC_SEQ_CST);
    answer_for(host_cpu.id);
}
