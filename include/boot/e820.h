/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot/e820.h - the table of memory that everything else is built on.
 *
 * Types 1 to 5 and the 24-byte entry are those of INT 15h, AX=E820h (ACPI 6.5, 15.1 "INT 15H,
 * E820H" and 15.2 "E820 Assumptions and Limitations"; type numbers in table 15.1). 7 is ACPI's
 * AddressRangePersistentMemory. Numbers from 0x10000 on are ours: they say what a consumer of E820
 * would only see as reserved.
 *
 * A struct region is one row of our own table: the E820 row and what is known beyond it.
 *
 * The headers of this folder are also for kernels of others: C from C11 on and C++ from C++11 on, gcc and
 * clang, 32 and 64 bits.
 */
#ifndef MERIDIAN_BOOT_E820_H
#define MERIDIAN_BOOT_E820_H

#include <stddef.h>
#include <stdint.h>

/* What is checked where the header is compiled; C++ has a word for it, and C another. */
#ifdef __cplusplus
#define BOOT_ASSERT static_assert
#else
#define BOOT_ASSERT _Static_assert
#endif

enum e820_type {
    E820_USABLE = 1,
    E820_RESERVED = 2,
    E820_ACPI_DATA = 3,
    E820_ACPI_NVS = 4,
    E820_UNUSABLE = 5,
    E820_PERSISTENT = 7,
    E820_SOFT_RESERVED = 0x10001, /* EFI_MEMORY_SP: for a purpose, never allocated by default */
    E820_UNACCEPTED = 0x10002,    /* a confidential guest must accept it before its first use */
};

/* The entry as firmware and Multiboot hand it out (ACPI 6.5, table 15.2). */
struct __attribute__((packed)) e820_entry {
    uint64_t base;
    uint64_t size_bytes;
    uint32_t type;
    uint32_t extended_attributes;
};
BOOT_ASSERT(sizeof(struct e820_entry) == 24, "E820 entries have 24 bytes");

/* Older BIOSes and Multiboot loaders leave the attributes out. */
#define E820_ENTRY_BYTES_MIN 20

/* What the firmware said of a region beyond its type. A bit is a capability, not a state. */
enum region_flag {
    REGION_UC = 1u << 0,
    REGION_WC = 1u << 1,
    REGION_WT = 1u << 2,
    REGION_WB = 1u << 3,
    REGION_RUNTIME = 1u << 4,       /* the firmware uses it after ExitBootServices */
    REGION_SPECIAL = 1u << 5,       /* EFI_MEMORY_SP: specific-purpose memory */
    REGION_MORE_RELIABLE = 1u << 6, /* mirrored */
    REGION_NON_VOLATILE = 1u << 7,
    REGION_ADDED =
        1u << 8, /* neither the firmware nor the user described it: carved out of a hole */
    REGION_IS_RAM = 1u << 9, /* backed by memory that may be mapped write-back, whatever its type */
};

/* Who holds a region. What is usable and held by nobody, the loader's own code and the boot
 * services is free for the taking. */
enum region_tag {
    REGION_TAG_NONE,          /* nobody: general memory, or nothing known */
    REGION_TAG_LOADER,        /* the loader's image and pools: free once the kernel runs */
    REGION_TAG_BOOT_SERVICES, /* boot services code and data: free once the kernel runs */
    REGION_TAG_LOW,           /* below 1 MiB: RAM, but only for those who ask for it by name */
    REGION_TAG_TRAMPOLINE,    /* below 1 MiB: set aside for starting processors */
    REGION_TAG_KERNEL,        /* the kernel image */
    REGION_TAG_PAGE_TABLES,   /* the page tables that the kernel is entered with */
    REGION_TAG_JUMP,          /* identity mapping of the jump into the kernel: free after it */
    REGION_TAG_STACK,         /* the kernel's first stack */
    REGION_TAG_HANDOFF,       /* the handoff structure */
    REGION_TAG_ARENA,         /* set aside for the bump allocator */
    REGION_TAG_MODULE,        /* a module from the configuration */
    REGION_TAG_FRAMEBUFFER,
    REGION_TAG_ACPI,     /* ACPI tables in use that the firmware did not mark */
    REGION_TAG_FIRMWARE, /* runtime services and the like */
    REGION_TAG_DEVICE,   /* a device's registers or memory */
    REGION_TAG_USER,     /* named on the command line */
    REGION_TAG_COUNT,
};

#define REGION_EFI_TYPE_NONE                                                                       \
    0xffffffffu /* no UEFI descriptor described it, or several types of them */

struct region {
    uint64_t base;       /* bytes, physical */
    uint64_t size_bytes; /* > 0; base + size_bytes does not wrap */
    uint32_t type;       /* enum e820_type */
    uint16_t flags;      /* enum region_flag */
    uint16_t tag;        /* enum region_tag */
    uint32_t efi_type;   /* EFI_MEMORY_TYPE; REGION_EFI_TYPE_NONE if none, or several */
    uint32_t device;     /* with REGION_TAG_DEVICE: region_device(); 0 for others, or unknown */
};
BOOT_ASSERT(sizeof(struct region) == 32, "regions cross from loader to kernel");
BOOT_ASSERT(offsetof(struct region, type) == 16, "regions cross from loader to kernel");
BOOT_ASSERT(offsetof(struct region, efi_type) == 24, "regions cross from loader to kernel");

/* The PCI function that holds a region, as a number that is never 0. The kernel's finding: a loader
 * leaves it 0. */
static inline uint32_t region_device(uint16_t segment, uint8_t bus, uint8_t device,
                                     uint8_t function)
{
    return ((uint32_t)segment << 16 | (uint32_t)bus << 8 | (uint32_t)(device & 31) << 3 |
            (function & 7u)) +
           1;
}

#ifdef __cplusplus
extern "C" {
#endif

/* "usable", "reserved", "ACPI data" ...: as Linux prints them in its BIOS-e820 lines. Never NULL;
 * "nothing" for 0, "unknown" for types that nobody defines. */
const char *e820_type_name(uint32_t type);

/* The same as one word, for machines: usable reserved acpi_data acpi_nvs unusable persistent7
 * soft_reserved unaccepted, as in tests/data/maps; else as e820_type_name(). Never NULL. */
const char *e820_type_word(uint32_t type);

/* "none", "loader", "boot services" ... Never NULL. */
const char *region_tag_name(uint32_t tag);

/* "0000:00:1f.2", as Linux writes the place of the PCI function that holds a region; "" for 0. */
#define REGION_DEVICE_TEXT_BYTES 16
const char *region_device_text(uint32_t device, char text[REGION_DEVICE_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
