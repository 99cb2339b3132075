/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest_traps.c - what must fault does, and says rightly what it was.
 *
 * Every access here is one that a bug makes: through a null pointer, into code, into data as if
 * it were code. Each must end in the exception that belongs to it, with the address and the kind
 * of access told as they were, and with what was there before unchanged.
 */

#include "diag/selftest_case.h"
#include "arch/cpu.h"
#include "arch/provoke.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/paging.h"
#include "mm/vmm.h"

#define ACCESS_BITS                                                                                \
    (TRAP_ACCESS_WRITE | TRAP_ACCESS_EXECUTE | TRAP_ACCESS_USER | TRAP_ACCESS_PRESENT)

static void expect_page_fault(struct selftest *test, bool faulted, const struct trap_info *info,
                              vaddr_t address, unsigned access, const char *what)
{
    if (!selftest_check(test, faulted, "%s is allowed", what))
        return;
    (void)selftest_check(test, info->kind == TRAP_PAGE_FAULT, "%s is a %s", what, info->name);
    (void)selftest_check(test, va_equal(info->address, address), "%s is reported at 0x%llx", what,
                         (unsigned long long)va_value(info->address));
    (void)selftest_check(test, (info->access & ACCESS_BITS) == access,
                         "%s is reported as access 0x%x, not 0x%x", what, info->access, access);
}

static void check_null(struct selftest *test)
{
    static const uintptr_t offsets[] = { 0, 8, PAGE_SIZE - 1 };

    for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
        vaddr_t address = va(offsets[i]);
        struct trap_info info;

        expect_page_fault(test, selftest_read_faults(address, &info), &info, address, 0,
                          "reading page 0");
        expect_page_fault(test, selftest_write_faults(address, &info), &info, address,
                          TRAP_ACCESS_WRITE, "writing page 0");
    }
}

static void check_write_protection(struct selftest *test)
{
    static const char constant[] = "constant";
    vaddr_t text = va((uintptr_t)check_write_protection);
    struct trap_info info;

    expect_page_fault(test, selftest_write_faults(text, &info), &info, text,
                      TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT, "writing the kernel's text");
    expect_page_fault(test, selftest_write_faults(va_of(constant), &info), &info, va_of(constant),
                      TRAP_ACCESS_WRITE | TRAP_ACCESS_PRESENT, "writing a constant");
    (void)selftest_check(test, strcmp(constant, "constant") == 0, "a constant has changed");
}

static void check_execute(struct selftest *test, const void *place, const char *what)
{
    struct trap_info info;

    expect_page_fault(test, selftest_call_faults(va_of(place), &info), &info, va_of(place),
                      TRAP_ACCESS_EXECUTE | TRAP_ACCESS_PRESENT, what);
}

/* What lies there returns at once if it is executed after all. */
static void check_no_execute(struct selftest *test)
{
    static uint8_t data[ARCH_RETURN_BYTES];
    uint8_t stack[ARCH_RETURN_BYTES];
    uint8_t *heap = kmalloc(sizeof data);

    if (!selftest_check(test, heap != NULL, "no memory"))
        return;
    memcpy(data, arch_return_code, sizeof data);
    memcpy(stack, arch_return_code, sizeof stack);
    memcpy(heap, arch_return_code, sizeof data);
    check_execute(test, data, "executing data");
    check_execute(test, stack, "executing the stack");
    check_execute(test, heap, "executing the heap");
    (void)kfree(heap);
}

#define USER_ADDRESS ((uintptr_t)0x10000000)

bool selftest_is_protected_by(const char *name)
{
    const char *text = arch_cpu_info()->protections;
    size_t length = strlen(name);

    for (; *text != '\0'; text++) {
        if (memcmp(text, name, length) == 0)
            return true;
    }
    return false;
}

/* A page of a user space, there and open to ring 3, in the space that the processor runs in. */
static void check_user_page(struct selftest *test, struct vm_space *space, unsigned rights)
{
    struct vm_request request = { .address = va(USER_ADDRESS),
                                  .size_bytes = PAGE_SIZE,
                                  .rights = PT_USER | rights,
                                  .kind = VM_ANONYMOUS,
                                  .flags = VM_EXACT | VM_POPULATE,
                                  .tag = FRAME_TEST,
                                  .name = "self-test" };
    struct trap_info info;
    vaddr_t start;

    if (!selftest_ok(test, vm_map(space, &request, &start), "mapping in a user space"))
        return;
    if (rights != PT_EXECUTE && selftest_is_protected_by("SMAP"))
        expect_page_fault(test, selftest_read_faults(start, &info), &info, start,
                          TRAP_ACCESS_PRESENT, "reading a user's page from the kernel");
    if (rights == PT_EXECUTE && selftest_is_protected_by("SMEP"))
        expect_page_fault(test, selftest_call_faults(start, &info), &info, start,
                          TRAP_ACCESS_EXECUTE | TRAP_ACCESS_PRESENT,
                          "executing a user's page in the kernel");
    (void)selftest_ok(test, vm_unmap(space, start, PAGE_SIZE), "unmapping in a user space");
}

/* SMAP and SMEP: the kernel neither reads nor executes what belongs to ring 3. */
static void check_supervisor_prevention(struct selftest *test)
{
    struct vm_space *current = vm_space_current();
    struct vm_space *space;

    if (!selftest_ok(test, vm_space_create(&space), "creating a user space"))
        return;
    vm_space_switch(space);
    check_user_page(test, space, PT_WRITE);
    check_user_page(test, space, PT_EXECUTE);
    vm_space_switch(current);
    vm_space_destroy(space);
}

/* Both numbers are volatile: a constant over a variable can be had without dividing. */
__attribute__((no_sanitize("undefined"))) static void divide_by_zero(void *context)
{
    volatile int *zero = context;
    volatile int one = 1;

    *zero = one / *zero;
}

static void break_protection(void *context)
{
    (void)context;
    arch_provoke_protection_fault();
}

static void expect_trap(struct selftest *test, void (*function)(void *context), enum trap_kind kind,
                        const char *what)
{
    int zero = 0;
    struct trap_info info;

    if (selftest_check(test, arch_trap_try(function, &zero, &info), "%s is allowed", what))
        (void)selftest_check(test, info.kind == kind, "%s is a %s", what, info.name);
}

static void do_nothing(void *context)
{
    (void)context;
}

void selftest_traps(struct selftest *test)
{
    struct trap_info info;

    check_null(test);
    check_write_protection(test);
    if (paging_kernel_table()->no_execute)
        check_no_execute(test);
    check_supervisor_prevention(test);
    expect_trap(test, divide_by_zero, TRAP_DIVIDE, "a division by zero");
    expect_trap(test, break_protection, TRAP_PROTECTION, "an address that cannot exist");
    (void)selftest_check(test, !arch_trap_try(do_nothing, NULL, &info), "nothing was a %s",
                         info.name);
}
