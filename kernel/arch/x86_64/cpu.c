/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.c - takes the processor over from the firmware.
 *
 * Control registers stay as they were found but for the protections, which are turned on wherever
 * the processor has them: CR0.WP, CR4.SMEP, SMAP, UMIP, and CR4.PGE, which global pages need.
 * EFER.NXE is the loader's, since its tables use it; CR4.MCE, OSFXSR and the like are whatever the
 * firmware chose. Interrupts stay off: devices are polled.
 *
 * Exceptions that cannot trust the interrupted stack have stacks of their own. The first ones are
 * part of the image; arch_cpu_set_exception_stack() replaces them by stacks between guard pages.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"

#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "cpu_local.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

#define EARLY_STACK_BYTES     8192
#define DEFAULT_PHYSICAL_BITS 36 /* what a processor without leaf 80000008h has: SDM vol. 2A */

static struct cpu_local boot_cpu;
static struct cpu_info info;

/* The last one, for page faults, is twice as large: see trap.c for why. */
[[gnu::aligned(16)]] static uint8_t early_stacks[STACK_COUNT + 1][EARLY_STACK_BYTES];

static const char *const stack_names[STACK_COUNT] = {
    [STACK_DOUBLE_FAULT] = "double fault",   [STACK_NMI] = "NMI",
    [STACK_MACHINE_CHECK] = "machine check", [STACK_DEBUG] = "debug exception",
    [STACK_PAGE_FAULT] = "page fault",
};

/* --- what the processor is --------------------------------------------------------------- */

static void copy_registers(char *text, struct cpuid leaf)
{
    memcpy(text, &leaf, sizeof(leaf));
}

static void read_name(void)
{
    struct cpuid vendor = cpuid(CPUID_BASIC, 0);

    if (cpuid_or_zero(CPUID_BRAND, 0).eax == 0) {
        memcpy(info.name, &vendor.ebx, 4);
        memcpy(info.name + 4, &vendor.edx, 4);
        memcpy(info.name + 8, &vendor.ecx, 4);
        return;
    }
    for (unsigned part = 0; part < 3; part++)
        copy_registers(info.name + part * sizeof(struct cpuid), cpuid(CPUID_BRAND + part, 0));
}

static void read_sizes(void)
{
    uint32_t sizes = cpuid_or_zero(CPUID_ADDRESS_SIZES, 0).eax;
    uint32_t extended = cpuid_or_zero(CPUID_EXTENDED_FEATURES, 0).edx;

    info.apic_id = cpuid_apic_id();
    info.physical_bits = sizes & 0xff ? sizes & 0xff : DEFAULT_PHYSICAL_BITS;
    info.linear_bits = sizes >> 8 & 0xff ? sizes >> 8 & 0xff : 48;
    info.largest_leaf = extended & CPUID_80000001_EDX_1G ? 3 : 2;
    info.no_execute = (extended & CPUID_80000001_EDX_NX) && (msr_read(MSR_EFER) & EFER_NXE);
    info.table_levels = cr4_read() & CR4_LA57 ? 5 : 4;
    info.hypervisor = cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR;
}

/* --- protections ------------------------------------------------------------------------- */

/* PCIDE may be set only while CR3 names PCID 0 (SDM vol. 3A, 4.10.1). Global pages come first: the
 * kernel's half must not be cached once a tag. */
static void enable_tags(struct cpuid structured)
{
    if ((cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_PCID) == 0 || (cr4_read() & CR4_PGE) == 0 ||
        (cr3_read() & CR3_PCID) != 0)
        return;
    cr4_write(cr4_read() | CR4_PCIDE);
    arch_has_pcid = true;
    arch_has_invpcid = (structured.ebx & CPUID_7_EBX_INVPCID) != 0;
}

static void enable_protections(void)
{
    struct cpuid structured = cpuid_or_zero(CPUID_STRUCTURED, 0);
    uintptr_t cr4 = cr4_read();

    if (cpuid(CPUID_FEATURES, 0).edx & CPUID_1_EDX_PGE)
        cr4 |= CR4_PGE;
    if (structured.ebx & CPUID_7_EBX_SMEP)
        cr4 |= CR4_SMEP;
    if (structured.ebx & CPUID_7_EBX_SMAP)
        cr4 |= CR4_SMAP;
    if (structured.ecx & CPUID_7_ECX_UMIP)
        cr4 |= CR4_UMIP;
    cr0_write(cr0_read() | CR0_WP);
    cr4_write(cr4);
    enable_tags(structured);
}

static void add_protection(bool is_on, const char *name)
{
    size_t length = strlen(info.protections);

    if (is_on)
        print_buffer(info.protections + length, sizeof(info.protections) - length, "%s%s",
                     length > 0 ? " " : "", name);
}

static void name_protections(void)
{
    uintptr_t cr4 = cr4_read();

    add_protection(cr0_read() & CR0_WP, "WP");
    add_protection(info.no_execute, "NX");
    add_protection(cr4 & CR4_SMEP, "SMEP");
    add_protection(cr4 & CR4_SMAP, "SMAP");
    add_protection(cr4 & CR4_UMIP, "UMIP");
    add_protection(cr4 & CR4_PGE, "PGE");
    add_protection(cr4 & CR4_PCIDE, "PCID");
}

/* --- interface --------------------------------------------------------------------------- */

void arch_cpu_init(void)
{
    for (unsigned stack = 0; stack < STACK_COUNT; stack++)
        boot_cpu.task.exception_stacks[stack] = (uintptr_t)early_stacks[stack + 1];
    boot_cpu.task.exception_stacks[STACK_PAGE_FAULT] += EARLY_STACK_BYTES;
    descriptors_load(&boot_cpu);
    trap_init();
    enable_protections();
    user_init();
    read_name();
    read_sizes();
    name_protections();
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
    return stack_names[index];
}

void arch_cpu_set_exception_stack(unsigned index, vaddr_t top)
{
    VERIFY(index < STACK_COUNT);
    boot_cpu.task.exception_stacks[index] = va_value(top);
}
