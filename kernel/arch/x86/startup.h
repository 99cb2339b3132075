/* SPDX-License-Identifier: BSD-2-Clause
 *
 * startup.h - the way of a processor from its first instruction into C, as both widths share it.
 *
 * What is copied below 1 MiB ends with struct trampoline, filled in by trampoline_fill(): the
 * processor reads there where to go on and with which control registers.
 */
#ifndef MERIDIAN_X86_STARTUP_H
#define MERIDIAN_X86_STARTUP_H

#include "arch/smp.h"
#include "lib/types.h"

/* A far pointer, and an operand of LGDT: what a 16-bit instruction reads. */
struct [[gnu::packed]] trampoline_far {
    uint32_t offset;
    uint16_t selector;
    uint16_t reserved;
};

struct [[gnu::packed]] trampoline_table {
    uint16_t limit;
    uint32_t base;
    uint16_t reserved;
};

/* The offsets are trampoline.inc's. */
struct trampoline {
    struct trampoline_table table; /* of descriptors */
    struct trampoline_far next;    /* the instructions behind the switch to protected mode */
    struct trampoline_far wide;    /* x86-64: those behind the switch to long mode */
    uint32_t root;                 /* CR3, below 4 GiB */
    uint32_t cr4;                  /* 0: there may be no such register */
    uint32_t efer;                 /* 0: nothing to set */
    uint32_t cr0;
    uint64_t entry; /* where the kernel is entered: startup_entry in trampoline.asm */
    uint64_t descriptors[4];
};
static_assert(offsetof(struct trampoline, root) == 24, "trampoline.inc");
static_assert(offsetof(struct trampoline, entry) == 40, "trampoline.inc");
static_assert(offsetof(struct trampoline, descriptors) == 48, "trampoline.inc");

#define TRAMPOLINE_CODE_32 0x08u
#define TRAMPOLINE_DATA    0x10u
#define TRAMPOLINE_CODE_64 0x18u

/* trampoline.asm: the code, with the structure at its end; where it goes on in protected and long mode. */
extern const uint8_t trampoline_start[], trampoline_protected[], trampoline_wide[];
extern const uint8_t trampoline_data[], trampoline_end[];

/* Each width: the control registers and the entry of this kernel. */
void trampoline_set_mode(struct trampoline *trampoline, paddr_t root);

/* Where the next processor that comes finds its stack: read and counted by startup_entry. */
extern uintptr_t startup_stacks[];
extern uint32_t startup_count, startup_next;

/* Called on that stack, before the processor has anything of its own. */
[[gnu::noreturn]] void startup_main(void);

/* Each width: loads what `local` has and makes this processor like the first one. */
void cpu_join(void *local);

#endif
