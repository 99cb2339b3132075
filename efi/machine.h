/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.h - what processor and firmware say about the machine, as far as the handoff carries it.
 */
#ifndef MERIDIAN_EFI_MACHINE_H
#define MERIDIAN_EFI_MACHINE_H

#include "lib/types.h"

#define MACHINE_NAME_BYTES 96u

struct machine {
    unsigned physical_bits; /* MAXPHYADDR */
    unsigned largest_leaf;  /* of a page table: 2 = 2 MiB, 3 = 1 GiB */
    unsigned levels;        /* of the kernel's page tables: chosen in main.c */
    unsigned firmware_levels;
    bool has_5_levels; /* the processor can */
    bool no_execute;   /* the processor has NX */
    bool secure_boot;
    bool tpm; /* a TPM 2.0 that the firmware offers; set by configuration.c, which measures first */
    uint64_t acpi_rsdp; /* addresses are physical; 0 where there is none */
    uint64_t smbios;
    char cpu_name[MACHINE_NAME_BYTES];
    char firmware_vendor[MACHINE_NAME_BYTES / 2];
    char firmware_name[MACHINE_NAME_BYTES]; /* vendor and revision */
};

/* All but secure_boot, which has to be known before a configuration is believed. */
/* MAXPHYADDR alone. */
unsigned machine_physical_bits(void);

void machine_inspect(struct machine *machine);
void machine_inspect_secure_boot(struct machine *machine);

#endif
