/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmu.c - the part of arch/mmu.h that is not inline on i386, and arch/boot.h.
 *
 * Temporary mappings. The window's table is found through the directory's reference to itself:
 *
 *     2 levels   directory[1023] = directory           entry of page v at 0xFFC00000 + v / 4 KiB * 4
 *     PAE        directory 3, [508 + i] = directory i  entry of page v at 0xFF800000 + v / 4 KiB * 8
 *
 * Page 0 of the window is mapped for ever, which keeps the table; the others are slots, for all
 * processors. A slot in use is a bit, taken and given back by atomic changes; each processor begins to look
 * in a word of its own. Another one may have cached what a slot showed before, so that the taker flushes, too.
 */
#include "arch/mmu.h"

#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/registers.h"
#include "lib/assert.h"
#include "lib/bits.h"

#define ENTRY_TABLE     0x23u /* present, writable, accessed */
#define ENTRY_PAGE      0x63u /* and dirty */
#define ENTRY_UNCACHED  0x10u /* PCD */

#define SELF_2LEVEL     ((uintptr_t)0xffc00000)
#define SELF_PAE        ((uintptr_t)0xff800000)
#define SELF_INDEX      1023u
#define SELF_INDEX_PAE  508u
#define PAE_DIRECTORIES 4u

#define SLOT_WORDS      16u /* of 32 slots each */
#define CHUNK_SHIFT     22  /* what a table of the boot directory spans */
#define KERNEL_ENTRY    768u
#define SHOW_ENTRY      1022u /* of the boot directory: where arch_boot_show() shows its page */

static unsigned entry_bytes; /* of the format in use */
static uint32_t slots_used[SLOT_WORDS];

/* start.asm and kernel.ld */
extern uint32_t boot_directory[1024], boot_windows[3][1024];
extern uint8_t boot_stack[], boot_stack_top[];
extern const char kernel_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];
[[gnu::noreturn]] void boot_turn(uint32_t root, uint32_t cr4, uint32_t no_execute, uint32_t stack,
                                 void *handoff, uint64_t ticks);

bool arch_memory_types_set(void)
{
    if (!(cpuid_or_zero(CPUID_FEATURES, 0).edx & CPUID_1_EDX_PAT))
        return false;
    msr_write(MSR_PAT, PAT_VALUE);
    arch_tlb_flush_all();
    return true;
}

/* --- temporary mappings ------------------------------------------------------------------ */

static uintptr_t slot_address(unsigned slot)
{
    return LAYOUT_TEMPORARY_START + (slot + 1) * PAGE_SIZE;
}

static void slot_write(unsigned slot, uint64_t entry)
{
    void *self = (void *)(entry_bytes == sizeof(uint64_t) ? SELF_PAE : SELF_2LEVEL);

    arch_pte_write(self, (unsigned)(slot_address(slot) >> PAGE_SHIFT), entry_bytes, entry);
}

/* A free slot of the word, which is taken; false: there is none. */
static bool slot_take(unsigned word, unsigned *slot)
{
    uint32_t used = __atomic_load_n(&slots_used[word], __ATOMIC_RELAXED);

    do {
        if (used == UINT32_MAX)
            return false;
        *slot = word * 32 + (unsigned)__builtin_ctz(~used);
    } while (!__atomic_compare_exchange_n(&slots_used[word], &used, used | (used + 1), false,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return true;
}

void *arch_frame_map_high(paddr_t frame)
{
    uint64_t forbid = arch_cpu_info()->no_execute ? (uint64_t)1 << 63 : 0;
    unsigned first = arch_cpu_id();
    unsigned tries = 0;
    unsigned slot;

    while (!slot_take((first + tries) % SLOT_WORDS, &slot))
        VERIFY(++tries < SLOT_WORDS);
    slot_write(slot, pa_value(frame) | ENTRY_PAGE | forbid);
    arch_tlb_flush_page(va(slot_address(slot)));
    return (void *)slot_address(slot);
}

void arch_frame_unmap_high(void *pointer)
{
    unsigned slot = (unsigned)(((uintptr_t)pointer - slot_address(0)) >> PAGE_SHIFT);

    slot_write(slot, 0);
    arch_tlb_flush_page(va(slot_address(slot)));
    (void)__atomic_fetch_and(&slots_used[slot / 32], ~(1u << slot % 32), __ATOMIC_RELEASE);
}

/* --- the way from the boot directory to the kernel's tables ------------------------------ */

static uint64_t physical(const void *pointer)
{
    return pa_value(arch_ptr_phys(pointer));
}

void arch_boot_image(struct arch_boot_image *image)
{
    *image = (struct arch_boot_image){
        .base = physical(kernel_start),
        .text_end = align_up(physical(kernel_text_end), PAGE_SIZE),
        .rodata_end = align_up(physical(kernel_rodata_end), PAGE_SIZE),
        .end = physical(kernel_end),
        .stack_base = physical(boot_stack),
        .stack_bytes = (uintptr_t)boot_stack_top - (uintptr_t)boot_stack,
        .root = physical(boot_directory),
    };
}

static uint32_t features(void)
{
    return cpuid_or_zero(CPUID_FEATURES, 0).edx;
}

unsigned arch_boot_levels(void)
{
    return features() & CPUID_1_EDX_PAE ? 3 : 2;
}

unsigned arch_boot_largest_leaf(unsigned levels)
{
    return levels == 3 || (features() & CPUID_1_EDX_PSE) ? 2 : 1;
}

/* Without the leaf that tells, PAE means 36 bits (SDM vol. 3A, 4.1.4). Where QEMU puts together a
 * processor that has PAE without PSE-36, it means 32: a higher address is a reserved bit to it. */
unsigned arch_boot_physical_bits(unsigned levels)
{
    uint32_t bits = cpuid_or_zero(CPUID_ADDRESS_SIZES, 0).eax & 0xff;
    bool emulated = cpuid_or_zero(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR;

    if (levels == 2)
        return 32;
    if (bits != 0)
        return bits;
    return emulated && !(features() & CPUID_1_EDX_PSE36) ? 32 : 36;
}

bool arch_boot_no_execute(unsigned levels)
{
    return levels == 3 &&
           (cpuid_or_zero(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_80000001_EDX_NX) != 0;
}

void arch_boot_reach(unsigned window, paddr_t address)
{
    static unsigned shown[2]; /* chunk; 0: none */
    unsigned chunk = (unsigned)(pa_value(address) >> CHUNK_SHIFT);

    if (chunk == 0 || chunk == shown[0] || chunk == shown[1])
        return;
    if (shown[window] != 0)
        boot_directory[KERNEL_ENTRY + shown[window]] = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(boot_windows[0]); i++)
        boot_windows[window][i] = (chunk << CHUNK_SHIFT) + (i << PAGE_SHIFT) + ENTRY_PAGE;
    boot_directory[KERNEL_ENTRY + chunk] = (uint32_t)physical(boot_windows[window]) | ENTRY_TABLE;
    shown[window] = chunk;
    arch_tlb_flush_all();
}

volatile uint32_t *arch_boot_show(paddr_t page)
{
    const uintptr_t place = (uintptr_t)SHOW_ENTRY << CHUNK_SHIFT;

    boot_windows[2][0] = (uint32_t)pa_value(page) | ENTRY_PAGE | ENTRY_UNCACHED;
    boot_directory[SHOW_ENTRY] = (uint32_t)physical(boot_windows[2]) | ENTRY_TABLE;
    arch_tlb_flush_page(va(place));
    return (volatile uint32_t *)place;
}

paddr_t arch_boot_jump_page(void)
{
    return arch_ptr_phys(kernel_start);
}

static void refer_to_itself(paddr_t root, unsigned levels)
{
    uint64_t last;

    if (levels == 2) {
        arch_pte_write(arch_table_ptr(root), SELF_INDEX, 4, pa_value(root) | ENTRY_TABLE);
        return;
    }
    last = arch_pte_read(arch_table_ptr(root), PAE_DIRECTORIES - 1, 8) & ~(uint64_t)PAGE_MASK;
    for (unsigned i = 0; i < PAE_DIRECTORIES; i++) {
        uint64_t entry = arch_pte_read(arch_table_ptr(root), i, 8) & ~(uint64_t)PAGE_MASK;

        arch_pte_write(arch_table_ptr(pa(last)), SELF_INDEX_PAE + i, 8, entry | ENTRY_TABLE);
    }
}

void arch_boot_enter(paddr_t root, unsigned levels, vaddr_t stack_top, void *handoff,
                     uint64_t ticks)
{
    /* With PAE, PSE has no meaning (SDM vol. 3A, 4.1.1); some emulators want it for large pages all the same. */
    uintptr_t cr4 = (levels == 3 ? CR4_PAE : 0) | (arch_boot_largest_leaf(2) == 2 ? CR4_PSE : 0);

    refer_to_itself(root, levels);
    entry_bytes = levels == 3 ? 8 : 4;
    boot_turn((uint32_t)pa_value(root), (uint32_t)cr4, arch_boot_no_execute(levels),
              (uint32_t)va_value(stack_top), handoff, ticks);
}
