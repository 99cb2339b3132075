/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.c - takes the processor over, and tells what it is.
 *
 * What a processor lacks is left alone: a plain 486 has neither CPUID nor CR4. Page sizes and PAE
 * were chosen on the way into the kernel (mmu.c); the other protections are turned on here,
 * wherever there are any: CR0.WP, CR4.SMEP, SMAP, UMIP, and CR4.PGE, which global pages need.
 *
 * arch_cpu_init() is called twice: on the boot directory, so that an exception ends in a report from
 * the beginning, and on the kernel's own tables.
 */
#include "arch/cpu.h"

#include "arch/boot.h"
#include "arch/mmu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

#define EARLY_STACK_BYTES 8192

static struct cpu_local boot_cpu;
static struct cpu_info info;

bool arch_has_timestamps;
bool arch_has_global_pages;

[[gnu::aligned(16)]] static uint8_t early_stack[EARLY_STACK_BYTES];

/* --- what the processor is --------------------------------------------------------------- */

uint64_t arch_timestamp_counted(void)
{
    static uint64_t questions;

    return ++questions;
}

static void read_name(void)
{
    struct cpuid vendor;

    if (!cpuid_is_there()) {
        memcpy(info.name, "80486", sizeof("80486"));
        return;
    }
    vendor = cpuid(CPUID_BASIC, 0);
    if (cpuid_or_zero(CPUID_BRAND, 0).eax == 0) {
        memcpy(info.name, &vendor.ebx, 4);
        memcpy(info.name + 4, &vendor.edx, 4);
        memcpy(info.name + 8, &vendor.ecx, 4);
        return;
    }
    for (unsigned part = 0; part < 3; part++) {
        struct cpuid leaf = cpuid(CPUID_BRAND + part, 0);

        memcpy(info.name + part * sizeof(leaf), &leaf, sizeof(leaf));
    }
}

static void read_sizes(uintptr_t cr4)
{
    bool pae = (cr4 & CR4_PAE) != 0;
    bool may_forbid = cpuid_or_zero(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_80000001_EDX_NX;

    info.apic_id = cpuid_apic_id();
    info.table_levels = pae ? 3 : 2;
    info.physical_bits = arch_boot_physical_bits(info.table_levels);
    info.linear_bits = 32;
    info.largest_leaf = pae || (cr4 & CR4_PSE) != 0 ? 2 : 1;
    info.no_execute = pae && may_forbid && (msr_read(MSR_EFER) & EFER_NXE);
    info.hypervisor = cpuid_or_zero(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR;
}

/* --- protections ------------------------------------------------------------------------- */

/* What CR4 is afterwards; 0 where there is none. */
static uintptr_t enable_protections(void)
{
    struct cpuid structured = cpuid_or_zero(CPUID_STRUCTURED, 0);
    uint32_t features = cpuid_or_zero(CPUID_FEATURES, 0).edx;
    uintptr_t wanted = 0;

    cr0_write(cr0_read() | CR0_WP);
    wanted |= features & CPUID_1_EDX_PGE ? CR4_PGE : 0;
    wanted |= structured.ebx & CPUID_7_EBX_SMEP ? CR4_SMEP : 0;
    wanted |= structured.ebx & CPUID_7_EBX_SMAP ? CR4_SMAP : 0;
    wanted |= structured.ecx & CPUID_7_ECX_UMIP ? CR4_UMIP : 0;
    arch_has_timestamps = features & CPUID_1_EDX_TSC;
    arch_has_global_pages = features & CPUID_1_EDX_PGE;
    if (!(features & (CPUID_1_EDX_PSE | CPUID_1_EDX_PAE)) && wanted == 0)
        return 0;
    cr4_write(cr4_read() | wanted);
    return cr4_read();
}

static void add_protection(bool is_on, const char *name)
{
    size_t length = strlen(info.protections);

    if (is_on)
        print_buffer(info.protections + length, sizeof(info.protections) - length, "%s%s",
                     length > 0 ? " " : "", name);
}

static void name_protections(uintptr_t cr4)
{
    add_protection(cr0_read() & CR0_WP, "WP");
    add_protection(info.no_execute, "NX");
    add_protection(cr4 & CR4_SMEP, "SMEP");
    add_protection(cr4 & CR4_SMAP, "SMAP");
    add_protection(cr4 & CR4_UMIP, "UMIP");
    add_protection(cr4 & CR4_PGE, "PGE");
}

/* --- interface --------------------------------------------------------------------------- */

void arch_cpu_init(void)
{
    uintptr_t cr4;

    info = (struct cpu_info){ .name = "" };
    boot_cpu.double_fault.esp = (uintptr_t)early_stack + sizeof(early_stack);
    descriptors_load(&boot_cpu);
    trap_init();
    cr4 = enable_protections();
    user_init();
    read_name();
    read_sizes(cr4);
    name_protections(cr4);
}

const struct cpu_info *arch_cpu_info(void)
{
    return &info;
}

unsigned arch_cpu_count_exception_stacks(void)
{
    return STACK_COUNT;
}

const char *arch_cpu_exception_stack_name(unsigned index)
{
    VERIFY(index < STACK_COUNT);
    return "double fault";
}

void arch_cpu_set_exception_stack(unsigned index, vaddr_t top)
{
    VERIFY(index < STACK_COUNT);
    boot_cpu.double_fault.esp = va_value(top);
}
