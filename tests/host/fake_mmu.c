/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fake_mmu.c - the memory management unit of the hosted machine. fake_mmu.h has the contract.
 *
 * decode_*() turn an entry into what it grants, straight from the drawings of the manuals (SDM
 * vol. 3A, tables 4-4 to 4-20) and of fake_format.h. A TLB is a direct-mapped table of pages: two
 * pages that share a slot evict each other, as in life, but 2,048 slots make it seldom.
 * A TLB has a lock, since whoever frees a frame looks into all of them. A walk changes entries as a processor
 * does: accessed and dirty bits are set only where the entry is still what it was.
 */
#include "fake_mmu.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "fake_format.h"
#include "host_smp.h"

#define TLB_SLOTS        2048u
#define PAE_ROOT_ENTRIES 4u

/* What a walk found. */
struct translation {
    bool present;
    uintptr_t page;  /* the virtual page */
    uint64_t target; /* of the page */
    unsigned level;  /* of the leaf */
    bool writable, executable, user, global;
    uint64_t tables[PT_MAX_LEVELS + 1]; /* by level: where the walk came through */
};

struct tlb_slot {
    bool valid;
    struct translation cached;
};

static struct fake_mmu_settings mmu;
static struct {
    paddr_t root;
    uint64_t loaded_root[PAE_ROOT_ENTRIES];          /* PAE: as the processor read them */
    unsigned tag;                                    /* in use */
    struct tlb_slot slots[FAKE_MMU_TAGS][TLB_SLOTS]; /* by tag; what is global with tag 0 */
} processors[FAKE_MMU_CPUS];
static pthread_mutex_t tlb_locks[FAKE_MMU_CPUS];

unsigned fake_mmu_failures;
bool fake_mmu_quiet;
bool fake_mmu_memory_types_set;
struct fake_mmu_flushes fake_mmu_flushes[FAKE_MMU_CPUS];
unsigned fake_mmu_cpus = 2;
bool fake_mmu_threads;
unsigned fake_mmu_tags = 1;
unsigned fake_mmu_kept;

static void complain(const char *what, uintptr_t address, uint64_t detail)
{
    __atomic_fetch_add(&fake_mmu_failures, 1, __ATOMIC_RELAXED);
    if (!fake_mmu_quiet)
        fprintf(stderr, "fake MMU: %s: address 0x%" PRIxPTR ", 0x%" PRIx64 "\n", what, address,
                detail);
}

/* --- decoding ---------------------------------------------------------------------------- */

/* One entry, as the processor understands it. */
struct decoded {
    bool present, leaf, reserved;
    bool writable, executable, user, global, accessed, dirty;
    uint64_t target;
    uint64_t accessed_bit, dirty_bit; /* to set in the entry as stored */
};

static struct decoded decode_x86_64(uint64_t entry, unsigned level)
{
    uint64_t address_mask = 0x000ffffffffff000;
    struct decoded result = { .present = (entry & 1) != 0 };
    bool large = level > 1 && (entry & 0x80) != 0;

    result.leaf = level == 1 || large;
    result.writable = (entry & 2) != 0;
    result.user = (entry & 4) != 0;
    result.accessed = (entry & 0x20) != 0;
    result.dirty = (entry & 0x40) != 0;
    result.global = (entry & 0x100) != 0;
    result.executable = !(mmu.no_execute && entry >> 63 != 0);
    result.target = entry & address_mask;
    result.accessed_bit = 0x20;
    result.dirty_bit = 0x40;
    result.reserved = (!mmu.no_execute && entry >> 63 != 0) || (large && level > 3) ||
                      (entry & address_mask) >> mmu.physical_bits != 0;
    if (large) {
        uint64_t span = (uint64_t)1 << (12 + 9 * (level - 1));

        result.target &= ~(uint64_t)0x1000; /* PAT */
        result.reserved |= (result.target & (span - 1)) != 0;
        result.target &= ~(span - 1);
    }
    return result;
}

/* A directory entry may be a leaf of 4 MiB. */
static struct decoded decode_i386(uint64_t entry, unsigned level)
{
    bool large = level == 2 && (entry & 0x80) != 0;
    struct decoded result = { .present = (entry & 1) != 0, .leaf = level == 1 || large };

    result.writable = (entry & 2) != 0;
    result.user = (entry & 4) != 0;
    result.executable = true;
    result.global = (entry & 0x100) != 0;
    result.accessed_bit = 0x20;
    result.dirty_bit = 0x40;
    result.target = entry & (large ? 0xffc00000 : 0xfffff000);
    result.reserved = large && (entry & 0x003fe000) != 0; /* PSE-36's and bit 21 */
    return result;
}

/* The four root entries: bits 1, 2 and 5 to 8 are reserved, and no right is denied. */
static struct decoded decode_pae(uint64_t entry, unsigned level)
{
    struct decoded result = decode_x86_64(entry, level);

    if (level < 3)
        return result;
    result.reserved |= (entry & 0x1e6) != 0 || entry >> 63 != 0;
    result.leaf = false;
    result.writable = result.user = result.executable = true;
    result.accessed_bit = 0;
    return result;
}

static struct decoded decode_fake(uint64_t entry, unsigned level)
{
    uint64_t plain = fake_load(entry, level);
    struct decoded result = { .present = (plain & FAKE_HERE) != 0 };
    uint64_t span = (uint64_t)1 << (12 + FAKE_INDEX_BITS * (level - 1));

    result.leaf = (plain & FAKE_LEAF) != 0;
    result.writable = (plain & FAKE_READ_ONLY) == 0;
    result.user = (plain & FAKE_SUPERVISOR) == 0;
    result.executable = (plain & FAKE_NO_EXECUTE) == 0;
    result.global = (plain & FAKE_GLOBAL) != 0;
    result.accessed = (plain & FAKE_ACCESSED) != 0;
    result.dirty = (plain & FAKE_DIRTY) != 0;
    result.target = ((plain & FAKE_FRAME_MASK) >> FAKE_FRAME_SHIFT) << 12;
    result.accessed_bit = fake_store(FAKE_ACCESSED, level);
    result.dirty_bit = fake_store(FAKE_DIRTY, level);
    result.reserved = (level == 1 && !result.leaf) ||
                      (result.leaf && (result.target & (span - 1)) != 0) ||
                      result.target >> mmu.physical_bits != 0;
    return result;
}

static struct decoded decode(uint64_t entry, unsigned level)
{
    if (mmu.format == &pt_format_fake)
        return decode_fake(entry, level);
    if (mmu.format == &pt_format_i386_2level)
        return decode_i386(entry, level);
    if (mmu.format == &pt_format_i386_pae)
        return decode_pae(entry, level);
    return decode_x86_64(entry, level);
}

/* --- walking ----------------------------------------------------------------------------- */

struct shape {
    unsigned levels;
    unsigned index_bits;
    unsigned entry_bytes;
};

static struct shape shape(void)
{
    if (mmu.format == &pt_format_fake)
        return (struct shape){ FAKE_LEVELS, FAKE_INDEX_BITS, 8 };
    if (mmu.format == &pt_format_i386_2level)
        return (struct shape){ 2, 10, 4 };
    if (mmu.format == &pt_format_i386_pae)
        return (struct shape){ 3, 9, 8 };
    return (struct shape){ mmu.format == &pt_format_x86_64_5level ? 5 : 4, 9, 8 };
}

static uint64_t with_bits(uint64_t entry, struct decoded found, bool write)
{
    return entry | found.accessed_bit | (write && found.leaf ? found.dirty_bit : 0);
}

/* PAE: the processor reads the root when it is loaded, and not again (SDM vol. 3A, 4.4.1). */
static void load_root(unsigned cpu, paddr_t root)
{
    processors[cpu].root = root;
    if (mmu.format == &pt_format_i386_pae && pa_value(root) != 0)
        memcpy(processors[cpu].loaded_root, arch_phys_ptr(root),
               sizeof(processors[cpu].loaded_root));
}

static void check_loaded_root(unsigned cpu, uintptr_t address)
{
    if (mmu.format == &pt_format_i386_pae &&
        memcmp(processors[cpu].loaded_root, arch_phys_ptr(processors[cpu].root),
               sizeof(processors[cpu].loaded_root)) != 0)
        complain("the root has changed since it was loaded", address,
                 pa_value(processors[cpu].root));
}

/* Sets bits in an entry, unless it is another by now. */
static bool set_bits(void *entries, unsigned index, unsigned entry_bytes, uint64_t entry,
                     uint64_t with)
{
    uint32_t narrow = (uint32_t)entry;

    if (entry_bytes == sizeof(uint64_t))
        return __atomic_compare_exchange_n((uint64_t *)entries + index, &entry, with, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n((uint32_t *)entries + index, &narrow, (uint32_t)with, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Walks as the processor would; with `touch`, sets accessed (and dirty) bits on the way. */
static struct translation walk(paddr_t root, uintptr_t address, bool touch, bool write)
{
    struct shape form = shape();
    struct translation result = {
        .page = address & ~(uintptr_t)0xfff, .writable = true, .executable = true, .user = true
    };
    uint64_t table = pa_value(root);

    for (unsigned level = form.levels; level >= 1; level--) {
        unsigned shift = 12 + form.index_bits * (level - 1);
        uintptr_t index = address >> shift & (((uintptr_t)1 << form.index_bits) - 1);
        void *entries = arch_phys_ptr(pa(table));
        uint64_t entry = arch_pte_read(entries, (unsigned)index, form.entry_bytes);
        struct decoded found = decode(entry, level);

        result.tables[level] = table;
        result.level = level;
        if (!found.present)
            return result;
        if (found.reserved)
            complain("a reserved bit is set", address, entry);
        result.writable &= found.writable;
        result.executable &= found.executable;
        result.user &= found.user;
        if (touch && !set_bits(entries, (unsigned)index, form.entry_bytes, entry,
                               with_bits(entry, found, write && result.writable)))
            return walk(root, address, touch, write);
        if (found.leaf) {
            result.present = true;
            result.global = found.global;
            result.target = found.target + (result.page & (((uintptr_t)1 << shift) - 1));
            return result;
        }
        table = found.target;
    }
    return result;
}

/* --- the TLB ----------------------------------------------------------------------------- */

static struct tlb_slot *slot_of(unsigned cpu, unsigned tag, uintptr_t address)
{
    uintptr_t page = address >> 12;

    return &processors[cpu].slots[tag][(page ^ page >> 11) % TLB_SLOTS];
}

/* Whether a processor could use the slot now: with another tag only what is global. */
static bool is_usable(unsigned cpu, unsigned tag, const struct tlb_slot *slot)
{
    return slot->valid && (tag == processors[cpu].tag || slot->cached.global);
}

/* The slot that translates `address` now, or NULL. */
static struct tlb_slot *find_slot(unsigned cpu, uintptr_t address)
{
    unsigned tags[] = { processors[cpu].tag, 0 };

    for (unsigned i = 0; i < ARRAY_COUNT(tags); i++) {
        struct tlb_slot *slot = slot_of(cpu, tags[i], address);

        if (is_usable(cpu, tags[i], slot) && slot->cached.page == (address & ~(uintptr_t)0xfff))
            return slot;
    }
    return NULL;
}

/* Calls `visit` for every slot that a processor could use now. */
static void visit_usable(void (*visit)(unsigned cpu, const struct tlb_slot *slot, uint64_t detail),
                         uint64_t detail)
{
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        pthread_mutex_lock(&tlb_locks[cpu]);
        for (unsigned tag = 0; tag < fake_mmu_tags; tag++) {
            if (tag != 0 && tag != processors[cpu].tag)
                continue;
            for (unsigned i = 0; i < TLB_SLOTS; i++) {
                if (is_usable(cpu, tag, &processors[cpu].slots[tag][i]))
                    visit(cpu, &processors[cpu].slots[tag][i], detail);
            }
        }
        pthread_mutex_unlock(&tlb_locks[cpu]);
    }
}

/* Whether the tables still grant what is cached, in the same way. */
static bool still_true(const struct translation *cached, paddr_t root)
{
    struct translation now = walk(root, cached->page, false, false);

    if (!now.present || now.target != cached->target || now.level != cached->level)
        return false;
    if ((cached->writable && !now.writable) || (cached->executable && !now.executable) ||
        (cached->user && !now.user))
        return false;
    for (unsigned level = now.level; level <= shape().levels; level++) {
        if (now.tables[level] != cached->tables[level] && !cached->global)
            return false;
    }
    return true;
}

static bool allows(const struct translation *found, unsigned access)
{
    return found->present && ((access & FAKE_WRITE) == 0 || found->writable) &&
           ((access & FAKE_EXECUTE) == 0 || found->executable) &&
           ((access & FAKE_USER) == 0 || found->user);
}

static bool access_locked(unsigned cpu, uintptr_t address, unsigned access, paddr_t *target,
                          bool *present)
{
    paddr_t root = processors[cpu].root;
    struct tlb_slot *slot = find_slot(cpu, address);

    check_loaded_root(cpu, address);
    if (slot != NULL && !fake_mmu_threads && !still_true(&slot->cached, root))
        complain("a stale translation was used", address, slot->cached.target);
    if (slot == NULL || !allows(&slot->cached, access) || (access & FAKE_WRITE) != 0) {
        struct translation found = walk(root, address, true, (access & FAKE_WRITE) != 0);

        if (present != NULL)
            *present = found.present;
        if (!allows(&found, access))
            return false;
        slot = slot_of(cpu, found.global ? 0 : processors[cpu].tag, address);
        *slot = (struct tlb_slot){ true, found };
    }
    *target = pa(slot->cached.target + (address & 0xfff));
    return true;
}

bool fake_mmu_access(uintptr_t address, unsigned access, paddr_t *target, bool *present)
{
    unsigned cpu = arch_cpu_id();
    bool allowed;

    pthread_mutex_lock(&tlb_locks[cpu]);
    allowed = access_locked(cpu, address, access, target, present);
    pthread_mutex_unlock(&tlb_locks[cpu]);
    return allowed;
}

static void check_slot(unsigned cpu, const struct tlb_slot *slot, uint64_t detail)
{
    (void)detail;
    if (!still_true(&slot->cached, processors[cpu].root))
        complain("a stale translation is cached", slot->cached.page, slot->cached.target);
}

void fake_mmu_check(void)
{
    visit_usable(check_slot, 0);
}

static bool goes_through(const struct translation *cached, uint64_t frame)
{
    if (cached->target == frame)
        return true;
    for (unsigned level = cached->level; level <= shape().levels; level++) {
        if (cached->tables[level] == frame)
            return true;
    }
    return false;
}

static void check_freed(unsigned cpu, const struct tlb_slot *slot, uint64_t frame)
{
    (void)cpu;
    if (goes_through(&slot->cached, frame))
        complain("freed before the flush", slot->cached.page, frame);
}

void fake_mmu_frame_freed(paddr_t frame)
{
    visit_usable(check_freed, pa_value(frame));
}

/* --- arch/mmu.h -------------------------------------------------------------------------- */

void fake_mmu_start(const struct fake_mmu_settings *settings, paddr_t root)
{
    mmu = *settings;
    host_smp_start(fake_mmu_cpus);
    for (unsigned cpu = 0; cpu < fake_mmu_cpus; cpu++) {
        tlb_locks[cpu] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        memset(processors[cpu].slots, 0, sizeof(processors[cpu].slots));
        processors[cpu].tag = 0;
        load_root(cpu, root);
    }
    fake_mmu_failures = 0;
    memset(fake_mmu_flushes, 0, sizeof(fake_mmu_flushes));
}

static void forget_page(unsigned cpu, uintptr_t page)
{
    struct tlb_slot *slot;

    pthread_mutex_lock(&tlb_locks[cpu]);
    slot = find_slot(cpu, page);
    if (slot != NULL)
        slot->valid = false;
    pthread_mutex_unlock(&tlb_locks[cpu]);
}

/* What has a tag and is not global. */
static void forget_tag(unsigned cpu, unsigned tag)
{
    pthread_mutex_lock(&tlb_locks[cpu]);
    for (unsigned i = 0; i < TLB_SLOTS; i++)
        processors[cpu].slots[tag][i].valid &= processors[cpu].slots[tag][i].cached.global;
    pthread_mutex_unlock(&tlb_locks[cpu]);
}

static void forget_all(unsigned cpu)
{
    pthread_mutex_lock(&tlb_locks[cpu]);
    for (unsigned tag = 0; tag < FAKE_MMU_TAGS; tag++) {
        for (unsigned i = 0; i < TLB_SLOTS; i++)
            processors[cpu].slots[tag][i].valid = false;
    }
    pthread_mutex_unlock(&tlb_locks[cpu]);
}

const struct pt_format *arch_pt_format(unsigned levels)
{
    switch (levels) {
    case 3:
        return &pt_format_fake;
    case 4:
        return &pt_format_x86_64_4level;
    case 5:
        return &pt_format_x86_64_5level;
    default:
        return NULL;
    }
}

bool arch_memory_types_set(void)
{
    fake_mmu_memory_types_set = true;
    return true;
}

paddr_t arch_root_read(void)
{
    return processors[arch_cpu_id()].root;
}

void arch_root_write(paddr_t root)
{
    arch_root_write_tagged(root, 0, false);
}

unsigned arch_tlb_tags(void)
{
    return fake_mmu_tags;
}

/* Translations that are kept must be those of the table that the tag is used for now. */
void arch_root_write_tagged(paddr_t root, unsigned tag, bool keep)
{
    unsigned cpu = arch_cpu_id();

    if (tag >= fake_mmu_tags) {
        complain("there is no such tag", 0, tag);
        return;
    }
    pthread_mutex_lock(&tlb_locks[cpu]);
    load_root(cpu, root);
    processors[cpu].tag = tag;
    pthread_mutex_unlock(&tlb_locks[cpu]);
    if (!keep) {
        forget_tag(cpu, tag);
        return;
    }
    fake_mmu_kept++;
    for (unsigned i = 0; i < TLB_SLOTS; i++) {
        const struct tlb_slot *slot = &processors[cpu].slots[tag][i];

        if (slot->valid && !still_true(&slot->cached, root))
            complain("a stale translation was kept", slot->cached.page, slot->cached.target);
    }
}

void arch_tlb_flush_page(vaddr_t page)
{
    fake_mmu_flushes[arch_cpu_id()].pages++;
    forget_page(arch_cpu_id(), va_value(page));
}

void arch_tlb_flush_all(void)
{
    fake_mmu_flushes[arch_cpu_id()].full++;
    load_root(arch_cpu_id(), processors[arch_cpu_id()].root);
    forget_all(arch_cpu_id());
}
