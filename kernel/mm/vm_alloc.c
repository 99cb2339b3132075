/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_alloc.c - what drivers and the rest of the kernel want of the VMM, in one call each.
 *
 * All of it lies in the kernel's window for areas, between guard pages: running over the end of a
 * buffer, or of a device's registers, faults at once and names the area.
 */
#include "lib/bits.h"
#include "mm/frame.h"
#include "vm_private.h"

enum status vm_alloc(size_t size_bytes, const char *name, void **memory)
{
    struct vm_request request = { .size_bytes = size_bytes,
                                  .rights = PT_WRITE,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_POPULATE | VM_GUARDED,
                                  .tag = FRAME_KERNEL,
                                  .name = name };
    vaddr_t start;
    enum status status = vm_map(vm_kernel(), &request, &start);

    if (status == STATUS_OK)
        *memory = va_ptr(start);
    return status;
}

/* Any physical bytes; the pages around them are mapped whole. */
static enum status map_bytes(paddr_t target, size_t size_bytes, unsigned rights, enum frame_tag tag,
                             const char *name, void **memory)
{
    uint64_t offset = pa_value(target) & PAGE_MASK;
    struct vm_request request = { .rights = rights,
                                  .kind = VM_FIXED,
                                  .flags = VM_GUARDED,
                                  .target = pa(pa_value(target) - offset),
                                  .tag = tag,
                                  .name = name };
    uint64_t end;
    vaddr_t start;
    enum status status;

    if (size_bytes == 0 || !checked_add(offset, size_bytes, &end) || end > SIZE_MAX)
        return STATUS_INVALID;
    request.size_bytes = (size_t)end;
    status = vm_map(vm_kernel(), &request, &start);
    if (status == STATUS_OK)
        *memory = va_ptr(va_add(start, (size_t)offset));
    return status;
}

enum status vm_map_frames(paddr_t target, size_t size_bytes, unsigned rights, const char *name,
                          void **memory)
{
    return map_bytes(target, size_bytes, rights, FRAME_KERNEL, name, memory);
}

enum status vm_map_device(paddr_t target, size_t size_bytes, const char *name, void **memory)
{
    return map_bytes(target, size_bytes, PT_WRITE | PT_UNCACHED, FRAME_DEVICE, name, memory);
}

enum status vm_free(void *memory)
{
    struct vm_area_info info;
    enum status status = vm_query(vm_kernel(), va_of(memory), &info);

    if (status != STATUS_OK)
        return status;
    if (info.kind != VM_ANONYMOUS && info.kind != VM_FIXED)
        return STATUS_DENIED;
    if (va_value(va_of(memory)) - va_value(info.start) >= PAGE_SIZE)
        return STATUS_INVALID;
    return vm_unmap(vm_kernel(), info.start, info.size_bytes);
}
