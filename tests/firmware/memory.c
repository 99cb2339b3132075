/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.c - pages and pools as bad as the specification lets them be: full of rubbish always; where a
 * lie asks for it at address 0, above 4 GiB, below 1 MiB, not executable, or not there.
 */
#include "hostile.h"

#define FOUR_GIB    0x100000000u
#define LOW_CEILING 0x9ffffu
#define RUBBISH     0xa5u
#define MEMORY_XP   0x4000u

/* What edk2 maps pages with; no table of UEFI's own (MdePkg, Protocol/Cpu.h). */
static EFI_GUID cpu_guid = {
    0x26baccb1, 0x6f42, 0x11d4, { 0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 }
};

struct cpu_protocol {
    VOID *flush, *enable_interrupt, *disable_interrupt, *get_interrupt, *init, *register_handler;
    VOID *timer;
    EFI_STATUS(EFIAPI *set_attributes)(struct cpu_protocol *, UINT64, UINT64, UINT64);
};

void memory_forbid_execution(UINT64 address, UINT64 pages)
{
    static struct cpu_protocol *cpu;

    if (cpu == NULL && EFI_ERROR(honest.LocateProtocol(&cpu_guid, NULL, (VOID **)&cpu)))
        return;
    cpu->set_attributes(cpu, address, pages * EFI_PAGE_SIZE, MEMORY_XP);
}

static BOOLEAN memory_is_out(void)
{
    run.allocations++;
    return hostility.alloc_fails > 0 && run.allocations >= hostility.alloc_fails;
}

static EFI_STATUS grant(EFI_ALLOCATE_TYPE how, UINTN pages, EFI_PHYSICAL_ADDRESS *memory)
{
    EFI_PHYSICAL_ADDRESS address = LOW_CEILING;

    if (hostility.alloc_low &&
        !EFI_ERROR(honest.AllocatePages(AllocateMaxAddress, EfiLoaderData, pages, &address))) {
        *memory = address;
        return EFI_SUCCESS;
    }
    if (hostility.alloc_high) {
        if (how == AllocateMaxAddress && *memory < FOUR_GIB)
            return EFI_OUT_OF_RESOURCES;
        if (!map_find_free_above(FOUR_GIB, pages, memory))
            return EFI_OUT_OF_RESOURCES;
        how = AllocateAddress;
    }
    return honest.AllocatePages(how, EfiLoaderData, pages, memory);
}

EFI_STATUS EFIAPI hostile_allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
                                         EFI_PHYSICAL_ADDRESS *memory)
{
    EFI_STATUS status;

    if (type != EfiLoaderData)
        rules_violation("allocates memory that is not a loader's data", SITE_AllocatePages);
    if (memory_is_out())
        return EFI_OUT_OF_RESOURCES;
    if (hostility.page_zero > 0) {
        hostility.page_zero--;
        *memory = 0;
        ledger_add(HELD_PAGES, 0, pages);
        return EFI_SUCCESS;
    }
    status = grant(how, pages, memory);
    if (EFI_ERROR(status))
        return status;
    ledger_add(HELD_PAGES, *memory, pages);
    SetMem((VOID *)*memory, pages * EFI_PAGE_SIZE, RUBBISH);
    if (hostility.alloc_no_execute)
        memory_forbid_execution(*memory, pages);
    return EFI_SUCCESS;
}

EFI_STATUS EFIAPI hostile_free_pages(EFI_PHYSICAL_ADDRESS memory, UINTN pages)
{
    BOOLEAN fails = site_fault_pending();

    if (!ledger_remove(HELD_PAGES, memory, pages))
        return EFI_NOT_FOUND;
    if (memory != 0)
        honest.FreePages(memory, pages);
    return fails ? site_failure(SITE_FreePages) : EFI_SUCCESS;
}

EFI_STATUS EFIAPI hostile_allocate_pool(EFI_MEMORY_TYPE type, UINTN size, VOID **buffer)
{
    EFI_STATUS status;

    if (type != EfiLoaderData)
        rules_violation("allocates memory that is not a loader's data", SITE_AllocatePool);
    status = memory_is_out() ? EFI_OUT_OF_RESOURCES : honest.AllocatePool(type, size, buffer);
    if (!EFI_ERROR(status))
        ledger_add(HELD_POOL, (UINTN)*buffer, 0);
    return status;
}

EFI_STATUS EFIAPI hostile_free_pool(VOID *buffer)
{
    BOOLEAN fails = site_fault_pending();

    if (!ledger_remove(HELD_POOL, (UINTN)buffer, 0))
        return EFI_INVALID_PARAMETER;
    honest.FreePool(buffer);
    return fails ? site_failure(SITE_FreePool) : EFI_SUCCESS;
}
