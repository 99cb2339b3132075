/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_cpu_x86.h - what both widths of arch_cpu.h have in common.
 *
 * GS points at this processor's struct cpu_local, whose first field is its number; it is set before
 * anything that asks for it (arch_cpu_init()).
 */
#ifndef MERIDIAN_X86_ARCH_CPU_X86_H
#define MERIDIAN_X86_ARCH_CPU_X86_H

#define CPU_FLAGS_INTERRUPT 0x200u /* EFLAGS.IF: SDM vol. 1, 3.4.3.3 */

static inline unsigned arch_cpu_id(void)
{
    unsigned id;

    __asm__ volatile("movl %%gs:0, %0" : "=r"(id));
    return id;
}

static inline irq_state_t arch_irq_save(void)
{
    irq_state_t state;

    __asm__ volatile("pushf\n\tpop %0\n\tcli" : "=r"(state) : : "memory");
    return state;
}

static inline irq_state_t arch_irq_state(void)
{
    irq_state_t state;

    __asm__ volatile("pushf\n\tpop %0" : "=r"(state));
    return state;
}

static inline void arch_irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void arch_irq_restore(irq_state_t state)
{
    if (state & CPU_FLAGS_INTERRUPT)
        __asm__ volatile("sti" : : : "memory");
}

static inline void arch_cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* RDTSC; only where the processor has it. */
static inline uint64_t arch_timestamp_read(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

[[gnu::noreturn]] static inline void arch_cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli\n\thlt" : : : "memory");
}

#endif
