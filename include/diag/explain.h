/* SPDX-License-Identifier: BSD-2-Clause
 *
 * diag/explain.h - everything that is known about one address, as a chain of links.
 *
 *     virtual address ── window ── area ── walk of the tables ─┐
 *                                                              v
 *     firmware's descriptor ── region ── what was changed ── frame ── who maps it ── heap object
 *
 * explain_virtual() and explain_physical() fill a struct explanation from the live machine: the verbatim
 * map of the firmware, the table made of it with its notes, the frame's record, the page tables of the
 * kernel and of every user space, the heap. Nothing is printed and nothing is changed. What a link does
 * not know it says with a NULL, a zero count or a false `has_`. explain_print() tells it in words,
 * explain_event() as the event `explain`.
 *
 * A struct explanation is larger than what a stack should take: let it be static. Pointers in it stay valid
 * as long as the machine's handoff does. Walks all leaves of all tables. Any context in which the locks of
 * the memory manager may be taken.
 */
#ifndef MERIDIAN_DIAG_EXPLAIN_H
#define MERIDIAN_DIAG_EXPLAIN_H

#include "lib/print.h"
#include "mm/handoff_adopt.h"
#include "mm/heap_debug.h"
#include "mm/pt.h"
#include "mm/vmm.h"

enum explain_kind {
    EXPLAIN_PHYSICAL,
    EXPLAIN_VIRTUAL,
};

#define EXPLAIN_DESCRIPTORS_MOST 4
#define EXPLAIN_CHANGES_MOST     8
#define EXPLAIN_MAPPINGS_MOST    8

/* An entry of the firmware's map that holds the address. */
struct explain_descriptor {
    uint32_t index; /* in the firmware's order, from 0 */
    uint32_t type;  /* EFI_MEMORY_TYPE, or enum e820_type */
    uint64_t base;
    uint64_t size_bytes; /* UINT64_MAX: the entry claims 2^64 or more */
    uint64_t attribute;  /* UEFI only */
    const char *name;    /* of the type */
};

/* A place where the frame is mapped. */
struct explain_mapping {
    unsigned space;         /* 0: the kernel's; else the number of a user space */
    vaddr_t address;        /* where exactly the address appears */
    struct pt_mapping leaf; /* the page around it, with its rights */
    const char *window;     /* as explain_window_name() */
    struct vm_area_info area;
    bool has_area;
};

/* What the frame allocator knows. */
struct explain_frame {
    pfn_t number;
    struct frame_info info;
    const void *site;  /* who allocated it last; NULL where that is not noted */
    unsigned area;     /* of 1 GiB */
    unsigned block;    /* of 2 MiB, in the area */
    unsigned in_block; /* 4 KiB, in the block */
    unsigned node;
    unsigned block_free;    /* of the block's 512 frames, how many are free */
    unsigned block_managed; /* and how many are managed at all */
};

struct explanation {
    enum explain_kind kind;
    uint64_t address; /* as asked for */

    /* Virtual addresses only. */
    bool canonical;
    unsigned
        space; /* whose tables were walked: 0, the kernel's, or the current user space's number */
    const char *format; /* of the tables: "x86-64, 4 levels" */
    struct pt_step steps[PT_MAX_LEVELS];
    unsigned step_count;
    bool mapped;            /* the walk ends at a page */
    struct pt_mapping leaf; /* the page; where nothing is mapped, the hole around the address */
    const char *window;
    struct vm_area_info area;
    bool has_area;
    const char *guarded_stack; /* the address is on a guard page of this stack; else NULL */

    /* What follows is there if `has_physical`. */
    bool has_physical;
    paddr_t physical;
    bool uefi;                 /* what the descriptors are: UEFI's or E820 entries */
    uint32_t firmware_count;   /* entries in the firmware's map; 0: none was handed over */
    unsigned descriptor_count; /* that hold the address: all of them, also those not kept */
    struct explain_descriptor descriptors[EXPLAIN_DESCRIPTORS_MOST];
    const struct region *region; /* NULL: the table does not know the address */
    unsigned change_count;       /* that touch the address's page: all of them */
    const struct handoff_change *changes[EXPLAIN_CHANGES_MOST]; /* in the order they were made */
    size_t changes_lost; /* that could not be noted, of the whole map */
    bool has_frame;      /* no: the processor has no such physical address */
    struct explain_frame frame;
    unsigned mapping_count; /* all of them */
    struct explain_mapping mappings[EXPLAIN_MAPPINGS_MOST];

    /* An object of the heap at the address, or at a place where it is mapped. */
    bool has_object;
    vaddr_t object_address; /* through which it was found */
    struct heap_object_info object;
    struct heap_history history; /* with debugging of the heap on */
    bool has_history;
};

/* What a bare number is taken for: virtual where it lies in the kernel's half of the address space, else
 * physical. On i386 a number can be both: devices lie there as well. */
enum explain_kind explain_kind_of(uint64_t number);

/* Both never fail: an address that nothing knows gets an explanation that says so. A virtual address is
 * looked up in the tables of the current space. */
void explain_physical(const struct handoff_view *machine, paddr_t address,
                      struct explanation *explanation);
void explain_virtual(const struct handoff_view *machine, vaddr_t address,
                     struct explanation *explanation);

/* In plain sentences, at most 100 columns wide. */
void explain_print(const struct explanation *explanation, struct print_sink *sink);

/* The event `explain`; nothing when `sink` is NULL. */
void explain_event(const struct explanation *explanation, struct print_sink *sink);

/* "direct map", "areas", "heap", "kernel stacks", "kernel image", "lower half", "no window". */
const char *explain_window_name(vaddr_t address);

#endif
