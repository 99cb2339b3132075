/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/vmm.h - address spaces and the areas in them.
 *
 * An area is a range of pages with one purpose: rights, memory type, a tag and a name. Areas do not
 * overlap. Anonymous areas get their frames when first touched (demand-zero), all at once
 * (VM_POPULATE), or share them with a clone until one of both writes (copy-on-write). Guard areas
 * have no frames and never will; an access is reported with the guard's name.
 * The kernel has one space, vm_kernel(); user spaces share its upper half.
 *
 * Each space has a lock (rank VMM), held with interrupts off: whoever holds it must not touch
 * memory that a page fault would have to bring in. Changes are all-or-nothing. Not from
 * interrupts.
 */
#ifndef MERIDIAN_MM_VMM_H
#define MERIDIAN_MM_VMM_H

#include "lib/status.h"
#include "lib/types.h"
#include "mm/frame.h"
#include "mm/pt.h"

struct vm_space;

enum vm_kind {
    VM_ANONYMOUS, /* frames from the PMM, zeroed */
    VM_FIXED,     /* given frames or device memory: not freed with the area */
    VM_GUARD,     /* nothing, on purpose */
    VM_WINDOW,    /* another module maps here by itself: the image, the heap. Only recorded */
};

enum vm_flag {
    VM_POPULATE = 1u << 0,   /* all frames now, not at first touch */
    VM_EXACT = 1u << 1,      /* at `address`, or fail with STATUS_EXISTS */
    VM_GUARDED = 1u << 2,    /* an unmapped page stays free on both sides */
    VM_GROWS_DOWN = 1u << 3, /* a stack: a touch in the free space below its start extends it, but
                                not to within VM_GROWTH_GAP of the area below */
    VM_SHARED = 1u << 4,     /* a clone shares the frames instead of copying on write; implies
                                VM_POPULATE, so that there are frames to share */
    VM_HUGE = 1u << 5,       /* 2 MiB frames where alignment and memory allow */
};

#define VM_GROWTH_GAP (16 * PAGE_SIZE)

struct vm_request {
    vaddr_t address; /* wish, or demand with VM_EXACT; 0: anywhere in the window */
    vaddr_t window;  /* where "anywhere" is; window_bytes 0: the space's usual window */
    size_t window_bytes;
    size_t size_bytes; /* > 0; rounded up to pages */
    size_t alignment;  /* bytes, a power of two; 0: a page */
    unsigned rights;   /* PT_WRITE, PT_EXECUTE, PT_USER and enum pt_cache of mm/pt.h */
    enum vm_kind kind;
    unsigned flags;     /* enum vm_flag */
    paddr_t target;     /* VM_FIXED: the physical range */
    enum frame_tag tag; /* VM_ANONYMOUS: of its frames */
    const char *name;   /* shown in reports; must stay valid */
};

struct vm_area_info {
    vaddr_t start;
    size_t size_bytes;
    unsigned rights;
    enum vm_kind kind;
    unsigned flags;
    enum frame_tag tag;
    const char *name;
};

/* Early, once, after init_paging() and before the heap. The window is where vm_alloc() and areas placed anywhere in
 * the kernel go. */
enum status vmm_init(vaddr_t window_start, size_t window_bytes);

struct vm_space *vm_kernel(void);

/* Early. From now on the window of each new user space, where areas go that may be anywhere, begins at a
 * random page of the first eighth of the lower half, but of its first TiB; clones keep the window of
 * what they came from. When the window is full, areas go below it. `seed` is not to be guessed; 0: windows
 * begin where the lower half does again, as they do before the first call. */
void vm_slide_windows(uint64_t seed);

/* For whoever places areas by itself: a random number of bytes below `most_bytes`, at most TiB, whole pages; 0
 * where windows do not slide. */
uintptr_t vm_slide(uintptr_t most_bytes);

/* A user space with an empty lower half; freed with all that it holds. */
enum status vm_space_create(struct vm_space **space);
void vm_space_destroy(struct vm_space *space);

/* A copy: private areas copy-on-write, shared ones shared. */
enum status vm_space_clone(struct vm_space *from, struct vm_space **copy);

/* Makes it the current space of this processor. */
void vm_space_switch(struct vm_space *space);
struct vm_space *vm_space_current(void);
struct page_table *vm_space_table(struct vm_space *space);

/* A new area; where it begins. */
enum status vm_map(struct vm_space *space, const struct vm_request *request, vaddr_t *start);

/* Takes [start, + size_bytes) out of whatever areas it touches, splitting them; frames of anonymous areas
 * lose a reference. */
enum status vm_unmap(struct vm_space *space, vaddr_t start, size_t size_bytes);

/* Other rights for a range that is wholly covered by areas (STATUS_NOT_FOUND otherwise). */
enum status vm_protect(struct vm_space *space, vaddr_t start, size_t size_bytes, unsigned rights);

/* The area that holds `address`; STATUS_NOT_FOUND if none. */
enum status vm_query(struct vm_space *space, vaddr_t address, struct vm_area_info *info);

/* All areas in order; stops when `visit` returns false. `visit` must not call the VMM. */
void vm_visit(struct vm_space *space, bool (*visit)(void *context, const struct vm_area_info *area),
              void *context);

/* Calls `visit` for the kernel's space, number 0, and then for every user space, oldest first, whose numbers
 * count from 1 and are never given twice; stops when it returns false. No space ends meanwhile; `visit`
 * may ask about spaces and must not make, end or switch any. */
void vm_visit_spaces(bool (*visit)(void *context, struct vm_space *space, unsigned number),
                     void *context);

/* The number of a space, as vm_visit_spaces() counts. */
unsigned vm_space_number(const struct vm_space *space);

/* As pt_visit() for the part of the address space that is the space's own (the kernel's half for
 * vm_kernel(), else the user's), while nobody changes it. `visit` must not call the VMM. */
void vm_visit_mappings(struct vm_space *space,
                       bool (*visit)(void *context, const struct pt_mapping *run), void *context);

/* Kernel conveniences: virtually contiguous zeroed memory between guard pages (this kernel's
 * vmalloc), given frames, device registers (uncached). */
enum status vm_alloc(size_t size_bytes, const char *name, void **memory);
enum status vm_map_frames(paddr_t target, size_t size_bytes, unsigned rights, const char *name,
                          void **memory);
enum status vm_map_device(paddr_t target, size_t size_bytes, const char *name, void **memory);
enum status vm_free(void *memory);

/* The invariants of the area tree, and that no area without frames has any mapped;
 * STATUS_CORRUPT with a log line if not. */
enum status vm_space_check(struct vm_space *space);

#endif
