/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strictness.h - what the models of tests know of memory types: which wins where two say something of one
 * place, and what a UEFI descriptor says. Written from the UEFI specification (2.10, 7.2.3) and
 * docs/memory-map.md, not from the code under test.
 */
#ifndef MERIDIAN_TEST_STRICTNESS_H
#define MERIDIAN_TEST_STRICTNESS_H

#include "boot/efi_memory.h"
#include "mm/memmap.h"

#define STRICT_USABLE       1u
#define STRICT_SOFT_RESERVE 3u
#define STRICT_RESERVED     7u
#define STRICT_END          9u

/* From weak to strict, from STRICT_USABLE on; 0 is a place of which nothing is said. */
static const uint32_t by_strictness[STRICT_END] = { 0,
                                                    E820_USABLE,
                                                    E820_UNACCEPTED,
                                                    E820_SOFT_RESERVED,
                                                    E820_PERSISTENT,
                                                    E820_ACPI_DATA,
                                                    E820_ACPI_NVS,
                                                    E820_RESERVED,
                                                    E820_UNUSABLE };

/* How strict what the descriptor says is, as an index of by_strictness. */
static inline unsigned efi_strictness(const struct efi_memory_descriptor *said)
{
    static const unsigned char by_type[] = { 7, 1, 1, 1, 1, 7, 7, 1, 8, 5, 6, 7, 7, 7, 4, 2 };
    unsigned strict = said->type < sizeof(by_type) ? by_type[said->type] : STRICT_RESERVED;

    if (strict != STRICT_USABLE)
        return strict;
    if ((said->attribute & EFI_ATTRIBUTE_WB) == 0)
        return STRICT_RESERVED;
    return (said->attribute & EFI_ATTRIBUTE_SP) != 0 ? STRICT_SOFT_RESERVE : STRICT_USABLE;
}

#endif
