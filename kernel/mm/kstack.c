/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kstack.c - kernel stacks.
 *
 *     | guard | stack, CONFIG_KSTACK_BYTES | guard | guard | stack ... | guard |
 *
 * A stack is an area of the kernel's space like any other, with a page on both sides that is its own
 * and never mapped: running over either end faults, and vm_query() knows whose guard was hit. It is
 * backed from the beginning, since the page fault handler itself needs a stack. No state but the
 * window: the areas know everything.
 */
#include "mm/kstack.h"

#include "config.h"
#include "lib/assert.h"
#include "lib/log.h"
#include "mm/vmm.h"

static vaddr_t window;
static size_t window_bytes;

enum status kstack_init(vaddr_t window_start, size_t size_bytes, vaddr_t boot_start,
                        size_t boot_bytes)
{
    struct vm_request boot = { .address = boot_start,
                               .size_bytes = boot_bytes,
                               .rights = PT_WRITE,
                               .kind = VM_WINDOW, /* the loader mapped it */
                               .flags = VM_EXACT | VM_GUARDED,
                               .tag = FRAME_STACK,
                               .name = "boot" };
    vaddr_t start;
    enum status status;

    window = window_start;
    window_bytes = size_bytes;
    if (boot_bytes == 0)
        return STATUS_OK;
    status = vm_map(vm_kernel(), &boot, &start);
    if (status != STATUS_OK)
        log_error("kstack: the boot stack at 0x%llx, 0x%llx bytes, cannot be an area (%s)",
                  (unsigned long long)va_value(boot_start), (unsigned long long)boot_bytes,
                  status_name(status));
    return status;
}

enum status kstack_create(const char *name, vaddr_t *top)
{
    struct vm_request request = { .window = window,
                                  .window_bytes = window_bytes,
                                  .size_bytes = CONFIG_KSTACK_BYTES,
                                  .rights = PT_WRITE,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_POPULATE | VM_GUARDED,
                                  .tag = FRAME_STACK,
                                  .name = name };
    vaddr_t start;
    enum status status = vm_map(vm_kernel(), &request, &start);

    if (status == STATUS_OK)
        *top = va_add(start, CONFIG_KSTACK_BYTES);
    return status;
}

void kstack_destroy(vaddr_t top)
{
    vaddr_t start = va(va_value(top) - CONFIG_KSTACK_BYTES);
    struct vm_area_info info;
    enum status status = vm_query(vm_kernel(), start, &info);

    VERIFY_VALUES(status == STATUS_OK && info.tag == FRAME_STACK && info.kind == VM_ANONYMOUS &&
                      va_equal(info.start, start) && info.size_bytes == CONFIG_KSTACK_BYTES,
                  va_value(top), status);
    status = vm_unmap(vm_kernel(), start, CONFIG_KSTACK_BYTES);
    VERIFY(status == STATUS_OK);
}

const char *kstack_guard_owner(vaddr_t address)
{
    struct vm_area_info info;

    if (vm_query(vm_kernel(), address, &info) != STATUS_OK || info.kind != VM_GUARD ||
        info.tag != FRAME_STACK)
        return NULL;
    return info.name;
}
