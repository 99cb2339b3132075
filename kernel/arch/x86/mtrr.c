/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mtrr.c - reads the memory type range registers. The firmware set them; nobody changes them here,
 * since all processors would have to do so in step.
 *
 * Source: SDM vol. 3A, 11.11.1 to 11.11.2; vol. 4 for the numbers.
 */
#include "arch/mtrr.h"

#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "lib/bits.h"

#define MSR_MTRR_CAP          0xfeu
#define MSR_MTRR_DEFAULT      0x2ffu
#define MSR_MTRR_VARIABLE     0x200u /* base and mask of each in turn */

#define CAP_VARIABLE_COUNT    0xffu
#define CAP_FIXED             (1u << 8)

#define DEFAULT_PHYSICAL_BITS 36u /* where CPUID does not say */

static const uint16_t fixed_numbers[MTRR_FIXED_COUNT] = {
    0x250,                                                 /* 64 KiB each, from 0 */
    0x258, 0x259,                                          /* 16 KiB each, from 512 KiB */
    0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f /* 4 KiB each, from 768 KiB */
};

bool arch_mtrr_read(struct mtrr_registers *registers)
{
    uint32_t bits = cpuid_or_zero(CPUID_ADDRESS_SIZES, 0).eax & 0xff;
    uint64_t capabilities;

    if ((cpuid_or_zero(CPUID_FEATURES, 0).edx & CPUID_1_EDX_MTRR) == 0)
        return false;
    capabilities = msr_read(MSR_MTRR_CAP);
    registers->default_type = msr_read(MSR_MTRR_DEFAULT);
    registers->physical_bits = bits != 0 ? bits : DEFAULT_PHYSICAL_BITS;
    registers->has_fixed = (capabilities & CAP_FIXED) != 0;
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++)
        registers->fixed[i] = registers->has_fixed ? msr_read(fixed_numbers[i]) : 0;
    registers->variable_count = (unsigned)capabilities & CAP_VARIABLE_COUNT;
    if (registers->variable_count > MTRR_VARIABLE_MAX)
        registers->variable_count = MTRR_VARIABLE_MAX;
    for (unsigned i = 0; i < registers->variable_count; i++) {
        registers->variable[i].base = msr_read(MSR_MTRR_VARIABLE + 2 * i);
        registers->variable[i].mask = msr_read(MSR_MTRR_VARIABLE + 2 * i + 1);
    }
    return true;
}
