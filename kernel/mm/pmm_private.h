/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pmm_private.h - how physical frames are kept; what the files of the PMM share.
 *
 *   directory   one entry an area of 1 GiB, valid where `ready` says so
 *      |
 *      v
 *   area        512 blocks of 2 MiB. Sets of 512 bits say which blocks are wholly free, which are
 *      |        partly free with room for a run of order 0 .. 8, which have been touched
 *      v
 *   block       8 bytes: free frames, state, and for a block in use as one its record
 *      |
 *      +-- line      512 bits, one a frame: free. One cache line
 *      +-- records   512 times 16 bits: tag and references
 *
 * Nothing is written before it is needed. pmm_init() writes one byte and one bit an area; an area is made when
 * something in it is wanted (about 5 KiB); a block's line and records (64 bytes, 1 KiB) when it is
 * first used frame by frame. What they start from is the table of extents, made from the map once.
 *
 * A block is in one of four states, and its line and records mean something in the first only:
 *
 *   FRAMES    managed frame by frame: line and records if touched, before that the extents
 *   WHOLE     all 512 frames free           in the set `whole`
 *   HUGE      in use as one                 record: tag, continues, one reference
 *   CACHED    free, kept by a processor     in no set
 *
 *   WHOLE --open--> FRAMES --last frame comes back--> WHOLE
 *   WHOLE --take--> HUGE --give--> WHOLE        HUGE --break--> FRAMES
 *
 * A touched block has records all 0 in the states WHOLE, HUGE and CACHED. A record is read without
 * a lock where `touched` has the block: 0 means that the slow path has to look.
 *
 * Sizes: records 512 KiB + lines 32 KiB + blocks and uses 3 KiB + area 1.3 KiB = 548 KiB for 262,144
 * frames, 2.14 bytes a frame.
 *
 * Locks: an area's lock (rank PMM_AREA) guards the area, its blocks and lines, and the records of
 * frames that nobody holds. pmm_state.lock (rank PMM, inner) guards the directory, the index of
 * areas and the making of areas. The records of a held frame belong to its holders. Outside of both is
 * the lock of who asks other processors for what they keep (rank PMM_CACHES).
 */
#ifndef MERIDIAN_MM_PMM_PRIVATE_H
#define MERIDIAN_MM_PMM_PRIVATE_H

#include "config.h"
#include "lib/bits.h"
#include "lib/lock.h"
#include "mm/fail_alloc.h"
#include "mm/pmm.h"
#include "mm/pmm_node.h"
#include "pmm_set.h"

/* --- sizes ------------------------------------------------------------------------------- */

#define BLOCK_ORDER    PMM_ORDER_2M
#define BLOCK_FRAMES   512u
#define AREA_ORDER     PMM_ORDER_1G
#define AREA_FRAMES    262144u
#define AREA_BLOCKS    512u
#define AREAS_BELOW_4G 4u
#define AREAS_MAX      65536u /* 64 TiB */
#define LOW_FRAMES     256u   /* below 1 MiB: an area of its own */
#define SCARCE_BLOCKS  8u     /* below 16 MiB: used last by those who can do without */
#define ORDER_COUNT    (PMM_MAX_ORDER + 1)
#define PARTIAL_ORDERS BLOCK_ORDER /* orders that live inside a block: 0 .. 8 */
#define FLAG_BITS      32u         /* of words that are read without a lock: no more on a 486 */
#define NO_FRAME       UINTPTR_MAX /* frame number or place in an area that does not exist */

static_assert(BLOCK_FRAMES == 1u << BLOCK_ORDER && BLOCK_FRAMES == SET_BITS, "a line a block");
static_assert(AREA_FRAMES == 1u << AREA_ORDER && AREA_BLOCKS == SET_BITS, "a set an area");

/* --- the record of a frame --------------------------------------------------------------- *
 *
 *   15    12 11  10            0
 *  +--------+---+---------------+   C: the frame continues the run that the frame before belongs
 *  |  tag   | C |  references   |   to. A free of a run checks that it begins where C is 0, has C
 *  +--------+---+---------------+   all through, and ends where C is 0: no wrong order escapes.
 *
 * 0: free (or not valid: block not in the state FRAMES). Saturated counts stay as they are.
 */
#define RECORD_COUNT     0x07ffu
#define RECORD_CONTINUES 0x0800u
#define RECORD_TAG_SHIFT 12
#define RECORD_NOT_OURS  ((uint16_t)(FRAME_RESERVED << RECORD_TAG_SHIFT | RECORD_COUNT))
static_assert(RECORD_COUNT == FRAME_COUNT_MAX, "the count's width");
static_assert(FRAME_TAG_COUNT <= 16, "four bits of tag");

static inline uint16_t record_make(enum frame_tag tag, bool continues)
{
    return (uint16_t)((unsigned)tag << RECORD_TAG_SHIFT | (continues ? RECORD_CONTINUES : 0) | 1u);
}

static inline unsigned record_count(uint16_t record)
{
    return record & RECORD_COUNT;
}

/* Exactly one reference. Compared at the top of a word: what the fast path asks of each frame costs no
 * instruction with a 16-bit constant, which some processors decode slowly. */
static inline bool record_is_sole(uint16_t record)
{
    return (uint32_t)record << 21 == (uint32_t)1 << 21;
}
static_assert(RECORD_COUNT == UINT32_MAX >> 21, "the count fills what is left after the shift");

static inline enum frame_tag record_tag(uint16_t record)
{
    return (enum frame_tag)(record >> RECORD_TAG_SHIFT);
}

/* Of what can be asked for. */
static inline bool tag_is_valid(enum frame_tag tag)
{
    return (unsigned)tag - 1 < FRAME_TAG_COUNT - 1;
}

static inline uint16_t record_load(const uint16_t *record)
{
    return __atomic_load_n(record, __ATOMIC_RELAXED);
}

static inline void record_store(uint16_t *record, uint16_t value)
{
    __atomic_store_n(record, value, __ATOMIC_RELAXED);
}

#define UNLIKELY(condition) __builtin_expect((condition), 0)

/* --- small helpers ----------------------------------------------------------------------- */

static inline uintptr_t min_frame(uintptr_t a, uintptr_t b)
{
    return a < b ? a : b;
}

static inline uintptr_t max_frame(uintptr_t a, uintptr_t b)
{
    return a > b ? a : b;
}

/* The place of a frame in its area. */
static inline unsigned area_place(uintptr_t frame)
{
    return (unsigned)(frame % AREA_FRAMES);
}

/* How many of the `count` frames from `first` on are in the area of `first`. */
static inline uintptr_t area_part(uintptr_t first, uintptr_t count)
{
    return min_frame(count,
                     first < LOW_FRAMES ? LOW_FRAMES - first : AREA_FRAMES - area_place(first));
}

/* --- structures -------------------------------------------------------------------------- */

/* What a block is used for: one of these three, which have no references, or the record of a block
 * in use as one, which has one. The record is the first frame's; the other 511 continue it. */
#define USE_FRAMES 0u
#define USE_WHOLE  (1u << RECORD_TAG_SHIFT)
#define USE_CACHED (2u << RECORD_TAG_SHIFT)

/* A block that is managed frame by frame. */
struct pmm_block {
    uint16_t free; /* bits of the line */
    uint8_t words; /* summary of the line */
    uint8_t bound; /* partly free: no aligned free run is of a higher order */
};
static_assert(sizeof(struct pmm_block) == 4, "metadata stays below 2.2 bytes a frame");

struct pmm_line {
    uint64_t word[SET_WORDS];
};

struct pmm_area {
    /* Hardly changed once the area is made, and read without a lock. The first four by number of the block
     * or frame in the area; only blocks block_start .. block_end - 1 are there. */
    uint16_t *records;
    uint16_t *uses; /* of the blocks; changed by their holders: block_use(), block_set_use() */
    struct pmm_line *lines;
    struct pmm_block *blocks;
    uintptr_t first; /* frame number of its block 0 */
    uint16_t block_start;
    uint16_t block_end;
    bool crosses_end;             /* some run may go on in the next area; set, never cleared */
    const struct pmm_cpu *tenant; /* whose home it was last; changes with its claim */

    /* What every change of the area changes. */
    _Alignas(64) struct spinlock lock;
    uint32_t loose_frames; /* free frames of blocks in FRAMES */
    uint32_t announced;    /* orders under which the index has the area */
    uint16_t whole_count;
    uint8_t whole_words;
    uint8_t partial_words[PARTIAL_ORDERS];

    _Alignas(64) uint64_t whole[SET_WORDS];
    uint8_t touched[AREA_BLOCKS];                /* line and records have been written */
    uint64_t partial[PARTIAL_ORDERS][SET_WORDS]; /* partly free, bound >= order */
};

/* A stretch of frames that the map describes alike; tag FRAME_FREE: free from the start. The table
 * is sorted, and never changes after pmm_init(). */
struct pmm_extent {
    uintptr_t first;
    uintptr_t end;
    enum frame_tag tag;
};

/* Areas first .. last have their metadata in one piece at `base`: of the first from block
 * block_start on, of the last up to block_end, of those between all of it. */
struct pmm_span {
    uintptr_t first_area;
    uintptr_t last_area;
    unsigned block_start;
    unsigned block_end;
    paddr_t base;
};

/* What a processor keeps for itself. Two halves, of which one is in use; when that is empty (full)
 * and the other is full (empty) they change places, else a half is filled from (given to) the areas.
 * Only its own processor touches it; an interrupt or a call of another processor that finds it busy goes to the areas. One that comes
 * before it is busy may change everything, so that nothing is read before that. */
#define CPU_BUSY    UINT32_MAX /* what cpu_enter() says instead of a count */
#define HALF_FRAMES 128u
#define CPU_BLOCKS  2u
#define SMALL_HALF  8u
struct pmm_cpu {
    uint32_t busy;      /* somebody is in the middle of a change */
    uint32_t count;     /* frames in the half in use */
    uint32_t limit;     /* of a half: HALF_FRAMES, less on small machines */
    pfn_t *frames;      /* the half in use */
    uint32_t shrinking; /* inside a shrinker */
    uint32_t other_count;
    struct pmm_area *home; /* where it takes from, alone if there are areas enough */
    uint32_t block_limit;
    uint32_t block_count;
    pfn_t blocks[CPU_BLOCKS]; /* first frames of blocks in state CACHED */
    pfn_t halves[2][HALF_FRAMES];
};
static_assert(sizeof(struct pmm_cpu) <= PAGE_SIZE, "a processor's cache is one frame");

/* Which areas may have what. A set over all areas in two levels; see pmm_index.c. */
enum pmm_index {
    INDEX_ORDER_0 = 0,
    INDEX_ORDER_MAX = PMM_MAX_ORDER,
    INDEX_FRESH,   /* not made yet, and something in it is free */
    INDEX_CLAIMED, /* some processor's home */
    INDEX_COUNT,
};

struct pmm_state {
    /* Never changed after the start. */
    uintptr_t general_frames; /* numbers from LOW_FRAMES on that may be ours; 0 before pmm_init() */
    struct pmm_area **directory;
    uint8_t *ready;       /* a byte an area: it has been made */
    uintptr_t area_count; /* of the directory */
    struct pmm_area *low; /* frames below 1 MiB; NULL where there are none */
    const struct memmap *map;
    struct pmm_extent *extents;
    size_t extent_count;
    struct pmm_span *spans;
    size_t span_count;
    uint32_t *index_leaves; /* INDEX_COUNT rows of leaf_words; written where the top says so */
    uint32_t *index_tops;   /* INDEX_COUNT rows of top_words */
    size_t leaf_words;
    size_t top_words;
    uint64_t metadata_bytes;

    _Alignas(64) struct spinlock lock;
    uint64_t total_frames;
    uint64_t managed_frames;
    uint64_t fresh_free;  /* free frames of areas that are not made yet */
    uint64_t fresh_whole; /* wholly free blocks of these */
    uintptr_t bad_frees;
    struct pmm_shrinker *shrinkers;

    /* Left as it is by a start, but for the caches below cpus_end. */
    _Alignas(64) struct pmm_cpu *cpus[CONFIG_MAX_CPUS]; /* each set once */
    unsigned cpus_end;                                  /* processors from here on have no cache */
    _Alignas(64) struct pmm_cpu boot_cpu;
};
extern struct pmm_state pmm_state;

/* Frames from here on are nobody's. */
static inline uintptr_t pmm_frames_end(void)
{
    return pmm_state.area_count << AREA_ORDER;
}

/* --- finding the metadata of a frame ----------------------------------------------------- */

/* Whether the area of general memory with this number has been made. */
static inline bool area_is_ready(uintptr_t number)
{
    return __atomic_load_n(&pmm_state.ready[number], __ATOMIC_ACQUIRE) != 0;
}

/* That area, or NULL. Any context. */
static inline struct pmm_area *area_if_ready(uintptr_t number)
{
    return area_is_ready(number) ? pmm_state.directory[number] : NULL;
}

static inline bool block_is_touched(const struct pmm_area *area, unsigned block)
{
    return __atomic_load_n(&area->touched[block], __ATOMIC_ACQUIRE) != 0;
}

static inline uint16_t block_use(const struct pmm_area *area, unsigned block)
{
    return __atomic_load_n(&area->uses[block], __ATOMIC_RELAXED);
}

static inline void block_set_use(struct pmm_area *area, unsigned block, unsigned use)
{
    __atomic_store_n(&area->uses[block], (uint16_t)use, __ATOMIC_RELAXED);
}

/* All free frames of the area, whose lock is held. */
static inline uint32_t area_free_frames(const struct pmm_area *area)
{
    return area->loose_frames + area->whole_count * BLOCK_FRAMES;
}

static inline bool use_is_huge(uint16_t use)
{
    return record_count(use) != 0;
}

/* --- pmm_area.c: making areas ------------------------------------------------------------ */

/* The area of `frame`, made if need be; NULL where there is no metadata for the frame. */
struct pmm_area *area_of(uintptr_t frame);

/* The area with this number likewise. */
struct pmm_area *area_make(uintptr_t number);

/* Fills `area`, of the frames start .. end - 1, from the extents. Not yet known to anybody. */
void area_build(struct pmm_area *area, uintptr_t start, uintptr_t end, unsigned block_start,
                unsigned block_end);

uint64_t area_metadata_bytes(unsigned blocks);
uint64_t span_metadata_bytes(const struct pmm_span *span);

/* First extent that ends above `frame`. */
const struct pmm_extent *extent_above(uintptr_t frame);

static inline const struct pmm_extent *extent_end(void)
{
    return pmm_state.extents + pmm_state.extent_count;
}

/* Goes over the areas that are made: the one below 1 MiB, then by number. Starts zeroed. */
struct area_cursor {
    bool low_done;
    uintptr_t number; /* the next one to look at */
};
struct pmm_area *next_area(struct area_cursor *cursor);

static inline bool area_has_block(const struct pmm_area *area, unsigned block)
{
    return block >= area->block_start && block < area->block_end;
}

/* --- pmm_block.c: blocks; the area's lock is held ----------------------------------------- */

/* Makes line and records of a block valid. */
void block_touch_first(struct pmm_area *area, unsigned block);
static inline void block_touch(struct pmm_area *area, unsigned block)
{
    if (UNLIKELY(!block_is_touched(area, block)))
        block_touch_first(area, block);
}

/* WHOLE -> FRAMES, all free. */
void block_open(struct pmm_area *area, unsigned block);
/* Takes `count` free frames at `first` (of the block, which is in state FRAMES). */
void block_take(struct pmm_area *area, unsigned block, unsigned first, unsigned count);
/* Gives them back; their records are 0 already. */
void block_give(struct pmm_area *area, unsigned block, unsigned first, unsigned count);
/* Takes up to `want` frames of a block in state FRAMES, lowest first, and puts them in front of `end`,
 * downwards; how many. The other function does so with all partly free blocks from `from` on. */
size_t block_take_some(struct pmm_area *area, unsigned block, pfn_t *end, size_t want);
size_t block_take_partial(struct pmm_area *area, unsigned from, pfn_t *end, size_t want);
/* Files a block that has more free frames than `before`, one of which is `frame`, and a free run of
 * order `bound` or less. */
void block_refile(struct pmm_area *area, unsigned block, unsigned before, unsigned bound,
                  unsigned frame);
/* No free run of `order` is in the block: corrects its bound. */
void block_lower(struct pmm_area *area, unsigned block, unsigned order);

/* --- pmm_huge.c: blocks as ones; the area's lock is held where there is an area --------------- */

/* Adds a block all of whose frames are free to the whole ones, and takes it from them. */
void block_enter_whole(struct pmm_area *area, unsigned block);
void block_leave_whole(struct pmm_area *area, unsigned block);
/* WHOLE -> HUGE with this record; block_enter_whole() is the way back. */
void block_take_whole(struct pmm_area *area, unsigned block, uint16_t use);
/* HUGE -> FRAMES, all held. */
void block_break(struct pmm_area *area, unsigned block);
/* pmm_alloc() and pmm_free() of BLOCK_ORDER. */
enum status pmm_alloc_block(enum frame_tag tag, pfn_t *first);
enum status pmm_free_block(pfn_t first);

/* --- pmm.c: any order that is valid, the long way ----------------------------------------- */

enum status pmm_alloc_order(unsigned order, enum frame_tag tag, pfn_t *first);
[[gnu::noinline]] enum status pmm_free_order(pfn_t first, unsigned order);

/* --- pmm_take.c: runs inside an area; each takes the area's lock -------------------------- */

/* What is wanted of an area. */
struct pmm_job {
    unsigned order;     /* size and alignment of the hole to look for */
    uintptr_t count;    /* frames to take from its start: 1 .. 2^order */
    uintptr_t align;    /* where such a hole is not to be had: at multiples of this, anywhere */
    uintptr_t from;     /* frames from this number on only: looked at by the walk alone */
    uintptr_t end;      /* frames below this number only */
    unsigned only_node; /* 0: any, the nearest first; else this node + 1 alone */
    uint16_t record;    /* of the first frame; 0: a processor's cache */
    bool may_open;      /* wholly free blocks may be used */
    bool only_open;     /* only wholly free blocks */
    bool spare;         /* not the first 16 MiB */
    pfn_t *frames;      /* single frames: where they go ... */
    size_t got;         /* ... and how many there are; runs: 1 when found */
    uintptr_t first;    /* runs: the first frame */
};

bool area_take_frames(struct pmm_area *area, struct pmm_job *job);
bool area_take_run(struct pmm_area *area, struct pmm_job *job);
/* What begins at `place` of the area, behind a run that was just taken, continues nothing. Its lock is held. */
void area_end_run(struct pmm_area *area, uintptr_t place);
/* Takes exactly these frames if all are free; the run `goes_on` in the next area. */
bool area_take_exactly(struct pmm_area *area, uintptr_t first, uintptr_t count, uint16_t record,
                       bool goes_on);
/* Gives back frames that were taken or checked; of one area. */
void area_give_run(struct pmm_area *area, uintptr_t first, uintptr_t count);
void area_give_locked(struct pmm_area *area, uintptr_t first, uintptr_t count);
/* Gives back single frames of any areas, records 0 already: pmm_give.c. */
void pmm_give_frames(const pfn_t *frames, size_t count);

/* --- pmm_free.c -------------------------------------------------------------------------- */

/* The record that holds for a frame, whatever the state of its block. The area's lock is held. */
uint16_t area_record(struct pmm_area *area, unsigned place);
enum status pmm_free_slow(pfn_t frame, const void *caller);
enum status pmm_free_run_from(uintptr_t first, uintptr_t count, const void *caller);
/* Reports and counts a wrong free; STATUS_DENIED. */
enum status pmm_refuse_free(uintptr_t frame, uintptr_t count, const char *why, const void *caller);

/* --- pmm_change.c ------------------------------------------------------------------------ */

/* Whether frames with this tag are none of the PMM's: not managed. */
bool frame_tag_is_foreign(enum frame_tag tag);

/* --- pmm_walk.c -------------------------------------------------------------------------- */

/* Takes these very frames, in whatever areas, or nothing. */
bool pmm_take_exactly(uintptr_t first, uintptr_t count, uint16_t record);
/* Once through everything that may serve a request. */
bool pmm_attempt_request(struct pmm_job *job);

/* --- pmm_node.c: who is near whom ---------------------------------------------------------- */

/* Areas [first, end) of one node. */
struct pmm_node_span {
    uintptr_t first;
    uintptr_t end;
    unsigned node;
};

#define PMM_NODE_SPANS (2 * PMM_NODE_RANGES_MAX) /* enough: append_span() */

struct pmm_nodes {
    unsigned count; /* 0: nobody said anything; all memory is one node */
    unsigned span_count;
    struct pmm_node_span spans[PMM_NODE_SPANS];
    uint8_t of_cpu[CONFIG_MAX_CPUS];
    uint8_t reachable[PMM_NODES_MAX];            /* how many of its row of `order` there are */
    uint8_t order[PMM_NODES_MAX][PMM_NODES_MAX]; /* by row, nearest first */
    uint8_t distances[PMM_NODES_MAX][PMM_NODES_MAX];
    uint64_t managed[PMM_NODES_MAX];
};
extern struct pmm_nodes pmm_nodes;

/* These frames come to be managed, or go. pmm_state.lock is held. */
void pmm_nodes_count(uintptr_t first, uintptr_t count, bool come);

/* --- pmm_site.c: who allocated what --------------------------------------------------------- */

extern bool pmm_sites_on;
void pmm_note_sites(uintptr_t first, uintptr_t count, const void *site);

/* What was allocated belongs to the caller of the calling function. */
#define NOTE_SITES(first, count)                                                                   \
    do {                                                                                           \
        if (UNLIKELY(pmm_sites_on))                                                                \
            pmm_note_sites((first), (count), __builtin_return_address(0));                         \
    } while (false)

/* --- pmm_zero.c: frames full of zeros ------------------------------------------------------- */

void pmm_zero_init(void);
void pmm_zero_frames(uintptr_t first, uintptr_t count);
/* How many frames wait. */
uint32_t pmm_zero_count(void);
/* One that waits becomes the caller's, with this record; false if there is none near by. */
bool pmm_take_zeroed(uint16_t record, pfn_t *frame);
/* All that wait go back to their areas; how many. */
size_t pmm_zero_drain(void);

/* --- pmm_cache.c: the cache of this processor --------------------------------------------- */

void cpu_cache_init(void);
/* Made if need be; NULL while there is no memory for it. */
struct pmm_cpu *cpu_cache(void);
/* Entered with an empty half: one with frames takes its place, if there is memory. Its count. */
uint32_t cpu_fill(struct pmm_cpu *cpu);
/* Entered with a full half: one with room takes its place. Its count. */
uint32_t cpu_make_room(struct pmm_cpu *cpu);
/* A frame whose record is 0: into the magazine, or to its area. */
void cpu_push(pfn_t frame);
/* Empties the cache; frames given. */
size_t cpu_drain(void);
/* Empties the caches of all other processors, but where one is in the middle of a change each time it is
 * asked; false: there are no others. Calls processors: no lock of the PMM is held. */
bool cpu_drain_others(void);
/* An attempt; one after this processor's cache is empty; one after the other processors' are; one after
 * other caches gave memory. */
bool pmm_try_hard(struct pmm_job *job, bool (*attempt)(struct pmm_job *job));

/* An interrupt sees the changes of a cache between these two: it finds the cache busy, or as it was. */
static inline void cpu_set_busy(struct pmm_cpu *cpu)
{
    __atomic_store_n(&cpu->busy, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void cpu_clear_busy(struct pmm_cpu *cpu)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->busy, 0, __ATOMIC_RELAXED);
}

/* Makes the cache busy and returns the count it had; CPU_BUSY when there is no cache, or somebody on
 * this processor is in the middle of a change. cpu_leave() ends it with the count it has then. */
static inline uint32_t cpu_enter(struct pmm_cpu *cpu)
{
    if (UNLIKELY(cpu == NULL || cpu->busy != 0))
        return CPU_BUSY;
    cpu_set_busy(cpu);
    return cpu->count;
}

/* Counts are read by other processors, for statistics. */
static inline void cpu_set_count(struct pmm_cpu *cpu, uint32_t count)
{
    __atomic_store_n(&cpu->count, count, __ATOMIC_RELAXED);
}

static inline void cpu_leave(struct pmm_cpu *cpu, uint32_t count)
{
    cpu_set_count(cpu, count);
    cpu_clear_busy(cpu);
}

static inline void cpu_set_block_count(struct pmm_cpu *cpu, uint32_t count)
{
    __atomic_store_n(&cpu->block_count, count, __ATOMIC_RELAXED);
}

/* --- pmm_index.c, pmm_place.c: which area -------------------------------------------------- */

/* Adds and removes an area; pmm_state.lock is held. */
void index_add(enum pmm_index index, uintptr_t area);
void index_remove(enum pmm_index index, uintptr_t area);
bool index_has(enum pmm_index index, uintptr_t area);
void index_add_range(enum pmm_index index, uintptr_t first, uintptr_t end);
/* The lowest (highest) area of [from, end) that is in `wanted` and in none of the `avoided`, of
 * which INDEX_COUNT ends the list; NO_FRAME if none. No lock: an answer is a hint. */
uintptr_t index_first(enum pmm_index wanted, const enum pmm_index *avoided, uintptr_t from,
                      uintptr_t end);
uintptr_t index_last(enum pmm_index wanted, const enum pmm_index *avoided, uintptr_t from,
                     uintptr_t end);
/* The area has something of the orders in the mask; of none from `order` to `last`. The area's
 * lock is held. */
void area_announce(struct pmm_area *area, uint32_t orders);
void area_retract(struct pmm_area *area, unsigned order, unsigned last);

/* Tries areas in the order of preference until `take` says that the job is done. */
bool pmm_place(struct pmm_cpu *cpu, struct pmm_job *job,
               bool (*take)(struct pmm_area *area, struct pmm_job *job));
/* This processor has no home until it takes something again. */
void pmm_leave_home(void);

#endif
