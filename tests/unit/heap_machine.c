/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_machine.c - frames from a memory file, mapped where the heap wants them.
 */
#include "heap_machine.h"

#include "arch/cpu.h"
#include "mm/heap.h"
#include "mm/heap_debug.h"
#include "mm/paging.h"
#include "mm/pmm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUBBISH     0xa5

/* The first frame's number: high enough that a number and an index are not mixed up unnoticed. */
#define FIRST_FRAME 0x100u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static unsigned char *memory; /* the whole file, for filling */
static unsigned char *frame_used;
static size_t frame_count, frames_used, frames_peak, next_frame;
static unsigned char *window;
static size_t window_bytes;
static uint32_t *window_frames; /* by page: frame + 1, or 0 */
static unsigned long calls, fail_from, fail_count;
static struct pmm_shrinker *shrinker;
static bool page_table_busy;
static bool is_flat;

static void stop(const char *what)
{
    fprintf(stderr, "heap machine: %s\n", what);
    abort();
}

/* Interrupts are off meanwhile, so that a handler may come here too. */
static irq_state_t machine_lock(void)
{
    irq_state_t interrupts = arch_irq_save();

    pthread_mutex_lock(&mutex);
    return interrupts;
}

static void machine_unlock(irq_state_t interrupts)
{
    pthread_mutex_unlock(&mutex);
    arch_irq_restore(interrupts);
}

static bool refuses(void)
{
    calls++;
    return fail_count != 0 && calls >= fail_from && calls - fail_from < fail_count;
}

/* --- frames ------------------------------------------------------------------------------- */

static bool run_free(size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (frame_used[first + i])
            return false;
    return true;
}

/* A run of free frames, looked for from where the last one was found. */
static bool take_run(size_t count, size_t *first)
{
    if (count > frame_count - frames_used)
        return false;
    for (size_t tried = 0; tried < frame_count; tried++) {
        size_t start = (next_frame + tried) % frame_count;

        if (start + count > frame_count || !run_free(start, count))
            continue;
        memset(frame_used + start, 1, count);
        memset(memory + start * PAGE_SIZE, RUBBISH, count * PAGE_SIZE);
        frames_used += count;
        if (frames_used > frames_peak)
            frames_peak = frames_used;
        next_frame = start + count;
        *first = start;
        return true;
    }
    return false;
}

static void free_frame(pfn_t frame)
{
    size_t index = pfn_value(frame) - FIRST_FRAME;

    if (index >= frame_count || !frame_used[index])
        stop("a frame was freed that nobody has");
    frame_used[index] = 0;
    frames_used--;
}

size_t pmm_alloc_bulk(enum frame_tag tag, pfn_t *frames, size_t count)
{
    size_t got = 0, frame;

    (void)tag;
    irq_state_t interrupts = machine_lock();
    while (got < count && !refuses() && take_run(1, &frame))
        frames[got++] = pfn(frame + FIRST_FRAME);
    machine_unlock(interrupts);
    return got;
}

size_t pmm_free_bulk(const pfn_t *frames, size_t count)
{
    irq_state_t interrupts = machine_lock();
    for (size_t i = 0; i < count; i++)
        free_frame(frames[i]);
    machine_unlock(interrupts);
    return count;
}

enum status pmm_alloc_run(const struct pmm_request *request, pfn_t *first)
{
    enum status status = STATUS_NO_MEMORY;
    size_t frame;

    irq_state_t interrupts = machine_lock();
    if (!refuses() && take_run((size_t)request->count_frames, &frame)) {
        *first = pfn(frame + FIRST_FRAME);
        status = STATUS_OK;
    }
    machine_unlock(interrupts);
    return status;
}

enum status pmm_free_run(pfn_t first, uint64_t count_frames)
{
    irq_state_t interrupts = machine_lock();
    for (size_t i = 0; i < count_frames; i++)
        free_frame(pfn_add(first, i));
    machine_unlock(interrupts);
    return STATUS_OK;
}

void pmm_register_shrinker(struct pmm_shrinker *new_shrinker)
{
    shrinker = new_shrinker;
}

/* --- pages -------------------------------------------------------------------------------- */

static size_t window_page(vaddr_t address, size_t size_bytes)
{
    size_t offset = va_value(address) - (uintptr_t)window;

    if (offset >= window_bytes || size_bytes > window_bytes - offset || size_bytes == 0 ||
        ((offset | size_bytes) & PAGE_MASK) != 0)
        stop("a mapping outside the heap's window");
    return offset >> PAGE_SHIFT;
}

enum status paging_map(vaddr_t address, paddr_t target, size_t size_bytes, unsigned flags)
{
    size_t page = window_page(address, size_bytes);
    size_t frame = pfn_value(pa_to_pfn(target)) - FIRST_FRAME;

    if (page_table_busy)
        stop("a mapping from inside of a mapping");
    if ((flags & PT_WRITE) == 0 || (flags & (PT_EXECUTE | PT_USER)) != 0)
        stop("the heap's pages are writable, not executable, the kernel's");
    irq_state_t interrupts = machine_lock();
    if (refuses()) {
        machine_unlock(interrupts);
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < size_bytes >> PAGE_SHIFT; i++) {
        if (window_frames[page + i] != 0)
            stop("a page was mapped over another");
        if (!frame_used[frame + i])
            stop("a free frame was mapped");
        window_frames[page + i] = (uint32_t)(frame + i + 1);
    }
    if (is_flat)
        memset(va_ptr(address), RUBBISH, size_bytes);
    else if (mmap(va_ptr(address), size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                  (off_t)(frame * PAGE_SIZE)) == MAP_FAILED)
        stop("the host has no mapping left");
    machine_unlock(interrupts);
    return STATUS_OK;
}

enum status paging_unmap(vaddr_t address, size_t size_bytes, bool free_frames)
{
    size_t page = window_page(address, size_bytes);

    if (page_table_busy)
        stop("an unmapping from inside of a mapping");
    irq_state_t interrupts = machine_lock();
    for (size_t i = 0; i < size_bytes >> PAGE_SHIFT; i++) {
        if (window_frames[page + i] == 0)
            stop("a page was unmapped that is not mapped");
        if (free_frames)
            free_frame(pfn(window_frames[page + i] - 1 + FIRST_FRAME));
        window_frames[page + i] = 0;
    }
    if (!is_flat &&
        mmap(va_ptr(address), size_bytes, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        stop("the host has no mapping left");
    machine_unlock(interrupts);
    return STATUS_OK;
}

bool paging_lock_is_mine(void)
{
    return page_table_busy;
}

void heap_machine_play_flat(void)
{
    is_flat = true;
}

void heap_machine_set_page_table_busy(bool busy)
{
    page_table_busy = busy;
}

/* --- the machine -------------------------------------------------------------------------- */

static void *reserve(size_t size_bytes, int protection, int flags, int descriptor)
{
    void *address = mmap(NULL, size_bytes, protection, flags, descriptor, 0);

    if (address == MAP_FAILED)
        stop("no address space");
    return address;
}

void heap_machine_create_bare(size_t count_frames, size_t size_bytes)
{
    heap_machine_destroy();
    file = memfd_create("heap frames", 0);
    if (file < 0 || ftruncate(file, (off_t)(count_frames * PAGE_SIZE)) != 0)
        stop("no memory file");
    memory = reserve(count_frames * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    window = reserve(size_bytes, is_flat ? PROT_READ | PROT_WRITE : PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    frame_used = calloc(count_frames, 1);
    window_frames = calloc(size_bytes >> PAGE_SHIFT, sizeof(*window_frames));
    if (frame_used == NULL || window_frames == NULL)
        stop("no memory");
    frame_count = count_frames;
    window_bytes = size_bytes;
    frames_used = frames_peak = next_frame = 0;
    calls = fail_from = fail_count = 0;
    page_table_busy = false;
}

/* The test's own code, and what was linked before and behind it: half of what a site reaches. */
#define CODE_BEFORE ((uintptr_t)(256 * KiB))

void heap_machine_create(size_t count_frames, size_t size_bytes)
{
    heap_machine_create_bare(count_frames, size_bytes);
    heap_code_from(va_ptr(va((uintptr_t)heap_machine_create - CODE_BEFORE)));
    if (heap_init(va_of(window), window_bytes) != STATUS_OK)
        stop("heap_init() failed");
}

void heap_machine_destroy(void)
{
    if (file < 0)
        return;
    munmap(memory, frame_count * PAGE_SIZE);
    munmap(window, window_bytes);
    close(file);
    free(frame_used);
    free(window_frames);
    file = -1;
}

vaddr_t heap_machine_window(void)
{
    return va_of(window);
}

size_t heap_machine_window_bytes(void)
{
    return window_bytes;
}

size_t heap_machine_frames_used(void)
{
    return frames_used;
}

size_t heap_machine_frames_peak(void)
{
    return frames_peak;
}

/* FNV-1a over the numbers of the pages that are mapped. */
uint64_t heap_machine_state_hash(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t page = 0; page < window_bytes >> PAGE_SHIFT; page++)
        if (window_frames[page] != 0)
            hash = (hash ^ page) * UINT64_C(0x100000001b3);
    return hash;
}

bool heap_machine_mapped(const void *address)
{
    size_t offset = (uintptr_t)address - (uintptr_t)window;

    return offset < window_bytes && window_frames[offset >> PAGE_SHIFT] != 0;
}

bool heap_machine_contiguous(const void *address, size_t size_bytes)
{
    size_t page = ((uintptr_t)address - (uintptr_t)window) >> PAGE_SHIFT;

    for (size_t i = 1; i < (size_bytes + PAGE_MASK) >> PAGE_SHIFT; i++)
        if (window_frames[page + i] != window_frames[page] + i)
            return false;
    return window_frames[page] != 0;
}

void heap_machine_fail(unsigned long nth, unsigned long count)
{
    calls = 0;
    fail_from = nth;
    fail_count = count;
}

unsigned long heap_machine_calls(void)
{
    return calls;
}

size_t heap_machine_pressure(size_t count_frames)
{
    return shrinker->shrink(shrinker, count_frames);
}
