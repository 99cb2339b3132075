/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stress_load.c - what one processor does in `stress SECONDS`: everything, against checks.
 *
 * A processor holds some runs of frames, objects, and areas of memory, each full of a stamp of its
 * own; the areas lie in a user space that it has for itself, one of them in the kernel's, so that
 * processors do not wait for each other all the time. A step picks one of the places: what is there is compared with its stamp and given back (or
 * resized, or protected), or something new is taken and filled. Other steps make a user space, clone it
 * and write to both; map this processor's page anew (diag/remap.h); look at the pages of all others.
 *
 * A step draws two numbers whatever becomes of it, and all that it does follows from them and
 * from the steps before: the n-th operation of a processor depends on the seed alone. Where there is
 * no memory, a request counts as refused.
 */
#include "monitor/stress.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "mm/pmm.h"

#define USER_ADDRESS  ((uintptr_t)0x10000000)
#define USER_PAGES    4u
#define AREA_PAGES    8u
#define ORDERS        5u /* of runs: 1 to 16 frames */
#define SMALL_OBJECT  1024u
#define LARGE_OBJECT  (24u * 1024)
#define WORD_BYTES    sizeof(uint32_t)
#define WORDS_A_FRAME (PAGE_SIZE / WORD_BYTES)

struct stress_cpu *stress_cpus[CONFIG_MAX_CPUS];

/* What a step was dealt. */
struct draw {
    uint32_t which; /* the operation and its place */
    uint32_t size;
    uint32_t stamp;
};

void stress_note_failure(struct stress_cpu *self, const char *format, ...)
{
    va_list arguments;

    if (self->failed)
        return;
    va_start(arguments, format);
    (void)print_buffer_va(self->why, sizeof self->why, format, arguments);
    va_end(arguments);
    __atomic_store_n(&self->failed, true, __ATOMIC_RELEASE);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct stress_cpu *self)
{
    uint64_t z = self->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Less than `bound`, from 32 random bits. */
static uint32_t below(uint32_t random, uint32_t bound)
{
    return (uint32_t)((uint64_t)random * bound >> 32);
}

static bool check(struct stress_cpu *self, bool condition, const char *what, uint32_t stamp)
{
    self->checks++;
    if (!condition)
        stress_note_failure(self, "step %llu: %s: what was written (0x%x) is not there",
                            (unsigned long long)self->steps, what, stamp);
    return condition;
}

/* --- patterns -------------------------------------------------------------------------------- */

/* The first and the last word, and some between: enough to see whose memory it is. */
#define STRIDE_WORDS 61u

static void fill(volatile uint32_t *words, uint32_t count, uint32_t stamp)
{
    for (uint32_t i = 0; i < count; i += STRIDE_WORDS)
        words[i] = stamp + i;
    words[count - 1] = ~stamp;
}

static bool is_filled(const volatile uint32_t *words, uint32_t count, uint32_t stamp)
{
    if (words[count - 1] != ~stamp)
        return false;
    for (uint32_t i = 0; i < count - 1; i += STRIDE_WORDS) {
        if (words[i] != stamp + i)
            return false;
    }
    return true;
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool each_frame(const struct stress_piece *piece, bool write)
{
    bool right = true;

    for (uint32_t offset = 0; offset < piece->size_bytes; offset += PAGE_SIZE) {
        uint32_t *words =
            arch_frame_map(pfn_to_pa(pfn_add(piece->frame, (uintptr_t)offset >> PAGE_SHIFT)));

        if (write)
            fill(words, WORDS_A_FRAME, piece->stamp + offset);
        else
            right &= is_filled(words, WORDS_A_FRAME, piece->stamp + offset);
        arch_frame_unmap(words);
    }
    return right;
}

static void drop_frames(struct stress_cpu *self, struct stress_piece *piece)
{
    unsigned order = highest_bit(piece->size_bytes >> PAGE_SHIFT);

    (void)check(self, each_frame(piece, false), "a run of frames", piece->stamp);
    piece->size_bytes = 0;
    if (pmm_free(piece->frame, order) != STATUS_OK)
        stress_note_failure(self, "a run of frames was not accepted back");
}

static void frame_step(struct stress_cpu *self, struct draw draw)
{
    struct stress_piece *piece = &self->frames[below(draw.which, STRESS_FRAMES)];
    unsigned order = draw.size % 4 == 0 ? below(draw.size, ORDERS) : 0;

    self->counts[STRESS_FRAME]++;
    if (piece->size_bytes != 0) {
        drop_frames(self, piece);
    } else if (pmm_alloc(order, FRAME_TEST, &piece->frame) == STATUS_OK) {
        piece->size_bytes = (uint32_t)PAGE_SIZE << order;
        piece->stamp = draw.stamp;
        (void)each_frame(piece, true);
    } else {
        self->refused++;
    }
}

/* --- objects --------------------------------------------------------------------------------- */

static uint32_t object_bytes(struct draw draw)
{
    uint32_t most = draw.size % 16 == 0 ? LARGE_OBJECT : SMALL_OBJECT;

    return (WORD_BYTES + below(draw.size, most)) & ~(uint32_t)(WORD_BYTES - 1);
}

static void fill_object(struct stress_cpu *self, struct stress_piece *piece, void *memory,
                        struct draw draw)
{
    if (memory == NULL) {
        self->refused++;
        return;
    }
    *piece = (struct stress_piece){ .memory = memory,
                                    .size_bytes = object_bytes(draw),
                                    .stamp = draw.stamp };
    fill(memory, piece->size_bytes / WORD_BYTES, piece->stamp);
}

static bool check_object(struct stress_cpu *self, const struct stress_piece *piece)
{
    return check(self, is_filled(piece->memory, piece->size_bytes / WORD_BYTES, piece->stamp),
                 "an object", piece->stamp);
}

/* One that is not as it was may not be ours any more: it is left alone. */
static void drop_object(struct stress_cpu *self, struct stress_piece *piece)
{
    bool right = check_object(self, piece);

    piece->size_bytes = 0;
    if (right && !kfree(piece->memory))
        stress_note_failure(self, "an object was not accepted back");
}

static void object_step(struct stress_cpu *self, struct draw draw)
{
    struct stress_piece *piece = &self->objects[below(draw.which, STRESS_OBJECTS)];

    self->counts[STRESS_OBJECT]++;
    if (piece->size_bytes == 0) {
        fill_object(self, piece, kmalloc(object_bytes(draw)), draw);
    } else if (draw.stamp % 4 == 0 && check_object(self, piece)) {
        fill_object(self, piece, krealloc(piece->memory, object_bytes(draw)), draw);
    } else {
        drop_object(self, piece);
    }
}

/* --- areas ----------------------------------------------------------------------------------- */

static bool is_fresh(const volatile uint32_t *words)
{
    return words[0] == 0 && words[WORDS_A_FRAME - 1] == 0;
}

/* Pages come into being as they are touched, full of zeros. */
static bool fill_pages(struct stress_cpu *self, uintptr_t start, uint32_t pages, uint32_t stamp)
{
    for (uint32_t page = 0; page < pages; page++) {
        uint32_t *words = (uint32_t *)(start + page * PAGE_SIZE);

        self->counts[STRESS_FAULT]++;
        if (!check(self, is_fresh(words), "zeros of a new page", stamp))
            return false;
        fill(words, WORDS_A_FRAME, stamp + page);
    }
    return true;
}

static bool check_pages(struct stress_cpu *self, uintptr_t start, uint32_t pages, uint32_t stamp)
{
    for (uint32_t page = 0; page < pages; page++) {
        const uint32_t *words = (const uint32_t *)(start + page * PAGE_SIZE);

        if (!check(self, is_filled(words, WORDS_A_FRAME, stamp + page), "a page", stamp + page))
            return false;
    }
    return true;
}

static enum status map_pages(struct vm_space *space, uintptr_t address, uint32_t pages,
                             uintptr_t *start)
{
    struct vm_request request = { .address = va(address),
                                  .size_bytes = pages * PAGE_SIZE,
                                  .rights = PT_WRITE,
                                  .kind = VM_ANONYMOUS,
                                  .flags = address != 0 ? VM_EXACT : 0,
                                  .tag = FRAME_TEST,
                                  .name = "stress" };
    vaddr_t place;
    enum status status = vm_map(space, &request, &place);

    if (status == STATUS_OK)
        *start = va_value(place);
    return status;
}

/* The first area is the kernel's. */
static struct vm_space *space_of(const struct stress_cpu *self, const struct stress_piece *piece)
{
    return piece == &self->areas[0] || self->space == NULL ? vm_kernel() : self->space;
}

static void new_area(struct stress_cpu *self, struct stress_piece *piece, struct draw draw)
{
    uint32_t pages = 1 + below(draw.size, AREA_PAGES);
    uintptr_t start;

    if (map_pages(space_of(self, piece), 0, pages, &start) != STATUS_OK) {
        self->refused++;
        return;
    }
    *piece = (struct stress_piece){ .memory = (void *)start,
                                    .size_bytes = pages * PAGE_SIZE,
                                    .stamp = draw.stamp };
    (void)fill_pages(self, start, pages, draw.stamp);
}

static void protect(struct stress_cpu *self, const struct stress_piece *piece, unsigned rights)
{
    if (vm_protect(space_of(self, piece), va((uintptr_t)piece->memory), piece->size_bytes,
                   rights) != STATUS_OK)
        self->refused++;
}

static bool check_area(struct stress_cpu *self, const struct stress_piece *piece)
{
    return check_pages(self, (uintptr_t)piece->memory, (uint32_t)(piece->size_bytes >> PAGE_SHIFT),
                       piece->stamp);
}

static void drop_area(struct stress_cpu *self, struct stress_piece *piece)
{
    (void)check_area(self, piece);
    if (vm_unmap(space_of(self, piece), va((uintptr_t)piece->memory), piece->size_bytes) ==
        STATUS_OK)
        piece->size_bytes = 0;
    else
        stress_note_failure(self, "an area was not unmapped");
}

static void area_step(struct stress_cpu *self, struct draw draw)
{
    struct stress_piece *piece = &self->areas[below(draw.which, STRESS_AREAS)];

    self->counts[STRESS_MAPPING]++;
    if (piece->size_bytes == 0) {
        new_area(self, piece, draw);
    } else if (draw.stamp % 4 == 0) {
        protect(self, piece, 0);
        (void)check_area(self, piece);
        protect(self, piece, PT_WRITE);
    } else {
        drop_area(self, piece);
    }
}

/* --- user spaces ----------------------------------------------------------------------------- */

/* Both write what the other must not see: pages are copied. */
static void write_in_both(struct stress_cpu *self, struct vm_space *space, struct vm_space *clone,
                          uint32_t stamp)
{
    vm_space_switch(clone);
    if (check_pages(self, USER_ADDRESS, USER_PAGES, stamp)) {
        fill((uint32_t *)USER_ADDRESS, WORDS_A_FRAME, ~stamp);
        self->counts[STRESS_FAULT]++;
    }
    vm_space_switch(space);
    (void)check_pages(self, USER_ADDRESS, USER_PAGES, stamp);
    vm_space_destroy(clone);
}

static void live(struct stress_cpu *self, struct vm_space *space, uint32_t stamp)
{
    struct vm_space *clone;
    uintptr_t start;

    if (map_pages(space, USER_ADDRESS, USER_PAGES, &start) != STATUS_OK) {
        self->refused++;
        return;
    }
    vm_space_switch(space);
    if (fill_pages(self, USER_ADDRESS, USER_PAGES, stamp)) {
        if (vm_space_clone(space, &clone) == STATUS_OK)
            write_in_both(self, space, clone, stamp);
        else
            self->refused++;
    }
    vm_space_switch(self->space != NULL ? self->space : vm_kernel());
}

static void space_step(struct stress_cpu *self, struct draw draw)
{
    struct vm_space *space;

    self->counts[STRESS_SPACE]++;
    if (vm_space_create(&space) != STATUS_OK) {
        self->refused++;
        return;
    }
    live(self, space, draw.stamp);
    vm_space_destroy(space);
}

/* --- pages that are mapped anew -------------------------------------------------------------- */

static void remap_step(struct stress_cpu *self)
{
    self->counts[STRESS_SHOOTING]++;
    if (self->has_remap && remap_turn(&self->remap) != STATUS_OK)
        self->refused++;
}

static void look_step(struct stress_cpu *self)
{
    for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
        const struct stress_cpu *other = __atomic_load_n(&stress_cpus[cpu], __ATOMIC_ACQUIRE);

        if (other == NULL || !__atomic_load_n(&other->has_remap, __ATOMIC_ACQUIRE))
            continue;
        self->counts[STRESS_SHOOTING]++;
        self->checks++;
        if (!remap_look(&other->remap, NULL))
            stress_note_failure(self, "step %llu: read a frame that processor %u had unmapped",
                                (unsigned long long)self->steps, cpu);
    }
}

/* --- the load -------------------------------------------------------------------------------- */

void stress_begin(struct stress_cpu *self, uint64_t seed)
{
    self->random = seed;
    if (vm_space_create(&self->space) == STATUS_OK)
        vm_space_switch(self->space);
    else
        self->space = NULL;
    if (remap_begin(&self->remap) == STATUS_OK)
        __atomic_store_n(&self->has_remap, true, __ATOMIC_RELEASE);
}

void stress_step(struct stress_cpu *self)
{
    uint64_t first = random_next(self);
    uint64_t second = random_next(self);
    const struct draw draw = { (uint32_t)first, (uint32_t)second, (uint32_t)(second >> 32) };
    unsigned operation = (unsigned)(first >> 60);

    self->steps++;
    if (operation < 5)
        frame_step(self, draw);
    else if (operation < 10)
        object_step(self, draw);
    else if (operation < 13)
        area_step(self, draw);
    else if (operation < 14)
        space_step(self, draw);
    else if (operation < 15)
        remap_step(self);
    else
        look_step(self);
}

void stress_end(struct stress_cpu *self)
{
    for (unsigned i = 0; i < STRESS_FRAMES; i++) {
        if (self->frames[i].size_bytes != 0)
            drop_frames(self, &self->frames[i]);
    }
    for (unsigned i = 0; i < STRESS_OBJECTS; i++) {
        if (self->objects[i].size_bytes != 0)
            drop_object(self, &self->objects[i]);
    }
    for (unsigned i = 0; i < STRESS_AREAS; i++) {
        if (self->areas[i].size_bytes != 0)
            drop_area(self, &self->areas[i]);
    }
    vm_space_switch(vm_kernel());
    if (self->space != NULL)
        vm_space_destroy(self->space);
    (void)heap_shrink(SIZE_MAX);
    pmm_drain();
}
