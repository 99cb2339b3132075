/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_instructions_x86.h - the parts of arch/cpu.h that are an instruction or two, whoever the
 * kernel is: this tree's, or one that the library is part of.
 */
#ifndef MERIDIAN_X86_ARCH_INSTRUCTIONS_X86_H
#define MERIDIAN_X86_ARCH_INSTRUCTIONS_X86_H

#define CPU_FLAGS_INTERRUPT 0x200u /* EFLAGS.IF: SDM vol. 1, 3.4.3.3 */

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
