/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/efi_memory.h - the memory map of UEFI, as GetMemoryMap() returns it.
 *
 * UEFI 2.10, 7.2 "Memory Allocation Services". These are the few definitions that the kernel and
 * the hosted tools need, free of any UEFI development kit. Descriptors lie descriptor_size bytes
 * apart, which is more than sizeof (48 against 40 on today's firmware): step with the size that
 * the call returned, refuse less than sizeof, ignore what follows the known fields.
 */
#ifndef MERIDIAN_BOOT_EFI_MEMORY_H
#define MERIDIAN_BOOT_EFI_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "boot/e820.h"

enum efi_memory_type {
    EFI_TYPE_RESERVED = 0,
    EFI_TYPE_LOADER_CODE = 1,
    EFI_TYPE_LOADER_DATA = 2,
    EFI_TYPE_BOOT_SERVICES_CODE = 3,
    EFI_TYPE_BOOT_SERVICES_DATA = 4,
    EFI_TYPE_RUNTIME_SERVICES_CODE = 5,
    EFI_TYPE_RUNTIME_SERVICES_DATA = 6,
    EFI_TYPE_CONVENTIONAL = 7,
    EFI_TYPE_UNUSABLE = 8,
    EFI_TYPE_ACPI_RECLAIM = 9,
    EFI_TYPE_ACPI_NVS = 10,
    EFI_TYPE_MMIO = 11,
    EFI_TYPE_MMIO_PORT_SPACE = 12,
    EFI_TYPE_PAL_CODE = 13,
    EFI_TYPE_PERSISTENT = 14,
    EFI_TYPE_UNACCEPTED = 15,
};

#define EFI_ATTRIBUTE_UC            ((uint64_t)1 << 0)
#define EFI_ATTRIBUTE_WC            ((uint64_t)1 << 1)
#define EFI_ATTRIBUTE_WT            ((uint64_t)1 << 2)
#define EFI_ATTRIBUTE_WB            ((uint64_t)1 << 3)
#define EFI_ATTRIBUTE_NV            ((uint64_t)1 << 15)
#define EFI_ATTRIBUTE_MORE_RELIABLE ((uint64_t)1 << 16)
#define EFI_ATTRIBUTE_SP            ((uint64_t)1 << 18)
#define EFI_ATTRIBUTE_RUNTIME       ((uint64_t)1 << 63)

struct efi_memory_descriptor {
    uint32_t type;
    uint32_t padding;
    uint64_t physical_start; /* bytes */
    uint64_t virtual_start;
    uint64_t page_count; /* of 4 KiB */
    uint64_t attribute;
};
BOOT_ASSERT(sizeof(struct efi_memory_descriptor) == 40, "UEFI 2.10, 7.2.3");
BOOT_ASSERT(offsetof(struct efi_memory_descriptor, physical_start) == 8, "UEFI 2.10, 7.2.3");

/* "LoaderCode", "ConventionalMemory" ...: the specification's names without their prefix. Never
 * NULL; "OEM" and "OS" for the two private ranges, "unknown" for the rest. */
const char *efi_memory_type_name(uint32_t type);

#define EFI_ATTRIBUTE_TEXT_BYTES 32

/* "UC WC WT WB RT": the attributes above in the specification's words (MR: more reliable, RT: runtime), others
 * are left out; "" for none. Writes and returns `text`. */
const char *efi_attribute_text(uint64_t attribute, char text[EFI_ATTRIBUTE_TEXT_BYTES]);

#endif
