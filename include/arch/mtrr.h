/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch/mtrr.h - the memory type range registers, as the firmware left them.
 *
 * Source: SDM vol. 3A, 11.11 "Memory Type Range Registers".
 */
#ifndef MERIDIAN_ARCH_MTRR_H
#define MERIDIAN_ARCH_MTRR_H

#include "lib/types.h"

#define MTRR_FIXED_COUNT  11u /* registers, of eight ranges each: the first MiB */
#define MTRR_VARIABLE_MAX 40u /* more would lie where the fixed ones are */

struct mtrr_variable {
    uint64_t base; /* IA32_MTRR_PHYSBASEn */
    uint64_t mask; /* IA32_MTRR_PHYSMASKn */
};

/* The registers, undecoded. */
struct mtrr_registers {
    uint64_t default_type; /* IA32_MTRR_DEF_TYPE: type, and what is enabled */
    uint64_t fixed[MTRR_FIXED_COUNT];
    bool has_fixed;
    unsigned physical_bits; /* masks have so many */
    unsigned variable_count;
    struct mtrr_variable variable[MTRR_VARIABLE_MAX];
};

/* False: the processor has no such registers. Any context; all processors have the same. */
bool arch_mtrr_read(struct mtrr_registers *registers);

#endif
