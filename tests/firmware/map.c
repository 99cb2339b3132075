/* SPDX-License-Identifier: BSD-2-Clause
 *
 * map.c - the firmware's memory map, and what becomes of it on the way to the loader. UEFI 2.10, 7.2.3.
 *
 * The honest map is taken into a buffer, worsened there, and copied out with the distance of descriptors that was
 * asked for. All damage is the same at each call, but for what is to change from call to call.
 */
#include "hostile.h"

#define MAP_BYTES       (2u << 20)
#define SHORT_BYTES     32u           /* the specification's descriptor has 40 */
#define FAR_ABOVE_RAM   0x8000000000u /* 512 GiB: within what any processor here can address */
#define BEYOND_ANYTHING 0x0010000000000000u /* 2^52 */
#define EXTRA_STRIDE    0x10000u
#define RUBBISH         0xa5u
#define SHUFFLE_SEED    0x2545f4914f6cdd1du
#define UNACCEPTED_TYPE 15u
#define PERSISTENT_TYPE 14u
#define ATTRIBUTE_SP    0x0000000000040000u
#define ATTRIBUTE_NV    0x0000000000008000u
#define ALL_ATTRIBUTES  0x000000000003f01fu /* of UEFI 2.10, but for SP, CPU_CRYPTO and RUNTIME */

/* A map under way to the caller. */
static UINT8 map[MAP_BYTES];
static UINTN map_bytes;
static UINTN descriptor_bytes;

static EFI_MEMORY_DESCRIPTOR *descriptor_at(UINTN index)
{
    return (EFI_MEMORY_DESCRIPTOR *)(void *)(map + index * descriptor_bytes);
}

static UINTN count_descriptors(void)
{
    return map_bytes / descriptor_bytes;
}

static EFI_STATUS take_honest_map(UINTN *key, UINT32 *version)
{
    map_bytes = sizeof(map);
    return honest.GetMemoryMap(&map_bytes, descriptor_at(0), key, &descriptor_bytes, version);
}

static UINT64 end_of(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    return descriptor->PhysicalStart + descriptor->NumberOfPages * EFI_PAGE_SIZE;
}

static EFI_MEMORY_DESCRIPTOR *largest_free(void)
{
    EFI_MEMORY_DESCRIPTOR *largest = descriptor_at(0);

    for (UINTN i = 1; i < count_descriptors(); i++) {
        if (descriptor_at(i)->Type == EfiConventionalMemory &&
            (largest->Type != EfiConventionalMemory ||
             descriptor_at(i)->NumberOfPages > largest->NumberOfPages))
            largest = descriptor_at(i);
    }
    return largest;
}

/* --- damage ------------------------------------------------------------------------------ */

static void add(UINT32 type, UINT64 start, UINT64 pages, UINT64 attributes)
{
    EFI_MEMORY_DESCRIPTOR *descriptor = descriptor_at(count_descriptors());

    if (map_bytes + descriptor_bytes > sizeof(map))
        return;
    descriptor->Type = type;
    descriptor->PhysicalStart = start;
    descriptor->VirtualStart = 0;
    descriptor->NumberOfPages = pages;
    descriptor->Attribute = attributes;
    map_bytes += descriptor_bytes;
}

static void add_extra(UINTN count)
{
    for (UINTN i = 0; i < count; i++)
        add(EfiReservedMemoryType, FAR_ABOVE_RAM + i * EXTRA_STRIDE, 1, EFI_MEMORY_WB);
}

/* Around the largest free range: one within it, one across its start, one equal to it. */
static void add_nested(void)
{
    EFI_MEMORY_DESCRIPTOR largest = *largest_free();

    add(EfiReservedMemoryType, largest.PhysicalStart + 16 * EFI_PAGE_SIZE, 3, EFI_MEMORY_WB);
    add(EfiACPIMemoryNVS, largest.PhysicalStart - 2 * EFI_PAGE_SIZE, 4, EFI_MEMORY_WB);
    add(EfiConventionalMemory, largest.PhysicalStart, largest.NumberOfPages, EFI_MEMORY_WB);
}

static void add_wrapping(void)
{
    add(EfiConventionalMemory, ~(UINT64)0 - EFI_PAGE_MASK, 16, EFI_MEMORY_WB);
    add(EfiConventionalMemory, FAR_ABOVE_RAM, 0, EFI_MEMORY_WB);
    add(EfiConventionalMemory, EFI_PAGE_SIZE, ~(UINT64)0, EFI_MEMORY_WB);
}

static void add_strange_types(void)
{
    add(0x70000001, FAR_ABOVE_RAM, 1, EFI_MEMORY_WB);
    add(0x80000001, FAR_ABOVE_RAM + EXTRA_STRIDE, 1, EFI_MEMORY_WB);
    add(0x00000fff, FAR_ABOVE_RAM + 2 * EXTRA_STRIDE, 1, EFI_MEMORY_WB);
}

/* The lower half of the largest free range becomes something else: the firmware's own
 * allocations come from its upper end. */
static void retype_a_part(UINT32 type, UINT64 attributes)
{
    EFI_MEMORY_DESCRIPTOR *largest = largest_free();
    UINT64 pages = largest->NumberOfPages / 2;
    UINT64 start = largest->PhysicalStart;

    largest->PhysicalStart += pages * EFI_PAGE_SIZE;
    largest->NumberOfPages -= pages;
    add(type, start, pages, attributes);
}

/* Every second one is memory of the boot services, so that no two neighbours are alike. */
static void break_into_pieces(UINTN count)
{
    EFI_MEMORY_DESCRIPTOR *largest = largest_free();
    UINT64 start = largest->PhysicalStart;

    largest->PhysicalStart += count * EFI_PAGE_SIZE;
    largest->NumberOfPages -= count;
    for (UINTN i = 0; i < count; i++)
        add(i % 2 == 0 ? EfiBootServicesData : EfiConventionalMemory, start + i * EFI_PAGE_SIZE, 1,
            EFI_MEMORY_WB);
}

static BOOLEAN is_acpi(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
    return descriptor->Type == EfiACPIReclaimMemory || descriptor->Type == EfiACPIMemoryNVS;
}

/* What a lie does to a single descriptor. */
static void worsen(EFI_MEMORY_DESCRIPTOR *descriptor)
{
    BOOLEAN free = descriptor->Type >= EfiLoaderCode && descriptor->Type <= EfiConventionalMemory;

    if (hostility.map_no_ram && free)
        descriptor->Type = EfiReservedMemoryType;
    if (hostility.map_acpi_usable && is_acpi(descriptor))
        descriptor->Type = EfiConventionalMemory;
    if (hostility.map_acpi_hidden && is_acpi(descriptor))
        descriptor->NumberOfPages = 0;
    if (hostility.map_page_zero && descriptor->PhysicalStart == 0)
        descriptor->Type = EfiConventionalMemory;
    if (hostility.map_no_runtime)
        descriptor->Attribute &= ~(UINT64)EFI_MEMORY_RUNTIME;
    if (hostility.map_no_attributes)
        descriptor->Attribute = 0;
    if (hostility.map_all_attributes)
        descriptor->Attribute |= ALL_ATTRIBUTES;
}

static void swap(EFI_MEMORY_DESCRIPTOR *a, EFI_MEMORY_DESCRIPTOR *b)
{
    EFI_MEMORY_DESCRIPTOR kept = *a;

    *a = *b;
    *b = kept;
}

static void shuffle(void)
{
    UINT64 state = SHUFFLE_SEED;

    for (UINTN i = count_descriptors(); i > 1; i--) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        swap(descriptor_at(i - 1), descriptor_at(state % i));
    }
}

static void add_lies(void)
{
    UINTN jump = run.exit_calls > 0 ? hostility.map_jump : 0;

    if (hostility.map_sp)
        retype_a_part(EfiConventionalMemory, EFI_MEMORY_WB | ATTRIBUTE_SP);
    if (hostility.map_unaccepted)
        retype_a_part(UNACCEPTED_TYPE, EFI_MEMORY_WB);
    if (hostility.map_persistent)
        retype_a_part(PERSISTENT_TYPE, EFI_MEMORY_WB | ATTRIBUTE_NV);
    if (hostility.map_uncached)
        retype_a_part(EfiConventionalMemory, EFI_MEMORY_UC);
    if (hostility.map_pieces > 0)
        break_into_pieces(hostility.map_pieces);
    if (hostility.map_nested)
        add_nested();
    if (hostility.map_wrap)
        add_wrapping();
    if (hostility.map_oem)
        add_strange_types();
    if (hostility.map_runtime_io)
        add(EfiMemoryMappedIO, 0xfed00000, 1, EFI_MEMORY_UC | EFI_MEMORY_RUNTIME);
    if (hostility.map_beyond) {
        add(EfiConventionalMemory, BEYOND_ANYTHING, 1024, EFI_MEMORY_WB);
        add(EfiConventionalMemory, BEYOND_ANYTHING - 16 * EFI_PAGE_SIZE, 32, EFI_MEMORY_WB);
    }
    add_extra(hostility.map_extra + hostility.map_grow * run.map_calls + jump);
}

static void damage_map(void)
{
    if (hostility.map_empty)
        map_bytes = 0;
    for (UINTN i = 0; i < count_descriptors(); i++)
        worsen(descriptor_at(i));
    add_lies();
    if (hostility.map_shuffle)
        shuffle();
}

/* --- the service ------------------------------------------------------------------------- */

static UINTN stride_of_lie(void)
{
    if (hostility.map_short)
        return SHORT_BYTES;
    return hostility.map_stride != 0 ? hostility.map_stride : descriptor_bytes;
}

/* Descriptors so far apart as the lie wants it; what it has no room for is cut off. */
static void copy_out(UINT8 *buffer, UINTN stride)
{
    UINTN size = stride < sizeof(EFI_MEMORY_DESCRIPTOR) ? stride : sizeof(EFI_MEMORY_DESCRIPTOR);

    for (UINTN i = 0; i < count_descriptors(); i++) {
        SetMem(buffer + i * stride, stride, RUBBISH);
        CopyMem(buffer + i * stride, descriptor_at(i), size);
    }
}

/* One page more or less, behind the loader's back: the key that it gets is stale. */
static void change_the_map(void)
{
    EFI_PHYSICAL_ADDRESS page;

    if (!EFI_ERROR(honest.AllocatePages(AllocateAnyPages, EfiBootServicesData, 1, &page)) &&
        run.map_calls % 2 == 0)
        honest.FreePages(page, 1);
}

static EFI_STATUS give_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *buffer, UINTN *key, UINTN *stride,
                           UINT32 *version)
{
    UINTN room = *size;
    EFI_STATUS status = take_honest_map(key, version);

    if (EFI_ERROR(status))
        return status;
    damage_map();
    *stride = stride_of_lie();
    *size = count_descriptors() * *stride - (hostility.map_torn ? *stride / 2 : 0);
    if (room < *size)
        return EFI_BUFFER_TOO_SMALL;
    if (buffer == NULL)
        return *size == 0 ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
    copy_out((UINT8 *)buffer, *stride);
    if (hostility.key_changes > 0) {
        hostility.key_changes--;
        change_the_map();
    }
    return EFI_SUCCESS;
}

EFI_STATUS EFIAPI hostile_get_memory_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *buffer, UINTN *key,
                                         UINTN *stride, UINT32 *version)
{
    EFI_STATUS status = EFI_DEVICE_ERROR;

    if (hostility.map_hangs)
        hang();
    if (!site_fault_pending() && !hostility.map_error)
        status = give_map(size, buffer, key, stride, version);
    run.map_calls++;
    rules_map_given(status == EFI_SUCCESS);
    return status;
}

/* --- for the other parts ----------------------------------------------------------------- */

UINT64 map_free_pages(void)
{
    UINTN key;
    UINT32 version;
    UINT64 pages = 0;

    if (EFI_ERROR(take_honest_map(&key, &version)))
        return 0;
    for (UINTN i = 0; i < count_descriptors(); i++) {
        if (descriptor_at(i)->Type == EfiConventionalMemory)
            pages += descriptor_at(i)->NumberOfPages;
    }
    return pages;
}

BOOLEAN map_find_free_above(UINT64 least, UINT64 pages, UINT64 *address)
{
    UINTN key;
    UINT32 version;

    if (EFI_ERROR(take_honest_map(&key, &version)))
        return FALSE;
    for (UINTN i = 0; i < count_descriptors(); i++) {
        const EFI_MEMORY_DESCRIPTOR *descriptor = descriptor_at(i);

        if (descriptor->Type == EfiConventionalMemory && descriptor->PhysicalStart >= least &&
            descriptor->NumberOfPages >= pages) {
            *address = end_of(descriptor) - pages * EFI_PAGE_SIZE;
            return TRUE;
        }
    }
    return FALSE;
}
