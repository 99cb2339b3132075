/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hello.c - a kernel in one page: BOOTX64.EFI starts it, the memory manager is a library.
 *
 * It takes the machine's memory over, from the loader's table to a heap, uses each part once, tells on the serial port
 * what it found, and ends QEMU (isa-debug-exit at port 0xF4). A kernel of your own begins by replacing
 * use(): everything above stays. See docs/boot-protocol.md and docs/porting.md.
 */
#include <meridian/arch/embed.h>
#include <meridian/mm/bump.h>
#include <meridian/mm/handoff_adopt.h>
#include <meridian/mm/heap.h>
#include <meridian/mm/heap_debug.h>
#include <meridian/mm/layout.h>
#include <meridian/mm/paging.h>
#include <meridian/mm/pmm.h>
#include <meridian/mm/vmm.h>

#define COM1         0x3f8
#define COM1_STATUS  (COM1 + 5)
#define COM1_IS_IDLE 0x20
#define EXIT_PORT    0xf4
#define EXIT_SUCCESS 0x10 /* QEMU returns 33 */
#define EXIT_FAILURE 0x11 /* QEMU returns 35 */
#define LARGEST_LEAF 2    /* pages of up to 2 MiB, which every x86-64 processor has */

/* The linker's: where the kernel begins. */
extern const char __executable_start[];

void kernel_entry(struct handoff *handoff);

/* --- a console, an end, and what the library asks for -------------------------------------- */

static void out(unsigned short port, unsigned char value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static unsigned char in(unsigned short port)
{
    unsigned char value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void serial_write(struct print_sink *sink, const char *text, size_t size)
{
    (void)sink;
    for (size_t i = 0; i < size; i++) {
        while ((in(COM1_STATUS)&COM1_IS_IDLE) == 0)
            ;
        out(COM1, (unsigned char)text[i]);
    }
}

static struct print_sink serial = { .write = serial_write };

static _Noreturn void end(unsigned char code)
{
    out(EXIT_PORT, code);
    for (;;)
        __asm__ volatile("cli; hlt"); /* a machine without that port */
}

void meridian_log(unsigned level, const char *line)
{
    print_to(&serial, "[%u] %s\r\n", level, line);
}

void meridian_panic(const char *message)
{
    print_to(&serial, "panic: %s\r\n", message);
    end(EXIT_FAILURE);
}

/* --- from the loader's table to a heap ----------------------------------------------------- */

static void require(enum status status, const char *what)
{
    if (status == STATUS_OK)
        return;
    print_to(&serial, "hello: %s: %s\r\n", what, status_name(status));
    end(EXIT_FAILURE);
}

static void start_heap(void)
{
    const struct vm_request window = { .address = va(LAYOUT_HEAP_START),
                                       .size_bytes = LAYOUT_HEAP_BYTES,
                                       .rights = PT_WRITE,
                                       .kind = VM_WINDOW,
                                       .flags = VM_EXACT,
                                       .name = "heap" };
    vaddr_t start;

    heap_code_from(__executable_start); /* who allocates is noted from here on */
    require(vm_map(vm_kernel(), &window, &start), "the heap's window");
    require(heap_init(start, LAYOUT_HEAP_BYTES), "the heap");
}

/* The map lies in the handoff, and the PMM keeps using it. */
static struct handoff_view machine;

static void start(struct handoff *handoff)
{
    meridian_ram_at((void *)handoff->direct_map_va);
    require(handoff_adopt(handoff, HANDOFF_MAX_BYTES, &machine), "the handoff");
    bump_init(&machine.map, pa(handoff->arena_base), handoff->arena_bytes);
    require(pmm_init(&machine.map), "frames");
    require(init_paging(handoff, handoff->physical_bits, (handoff->flags & HANDOFF_NX) != 0,
                        LARGEST_LEAF),
            "page tables");
    require(vmm_init(va(LAYOUT_AREAS_START), LAYOUT_AREAS_BYTES), "the address space");
    start_heap();
}

/* --- a use of it ---------------------------------------------------------------------------- */

static void use(void)
{
    struct pmm_stats frames;
    struct heap_stats heap;
    pfn_t block;
    char *text = kstrdup("a string of the heap");
    bool freed, freed_again;

    require(text != NULL ? STATUS_OK : STATUS_NO_MEMORY, "kstrdup()");
    require(pmm_alloc(PMM_ORDER_2M, FRAME_KERNEL, &block), "2 MiB in one piece");
    pmm_get_stats(&frames);
    heap_get_stats(&heap);
    print_to(&serial, "hello: %llu MiB of memory, %llu KiB in use, 2 MiB at 0x%llx\r\n",
             (unsigned long long)(frames.managed_frames >> 8),
             (unsigned long long)(frames.used_frames << 2),
             (unsigned long long)pa_value(pfn_to_pa(block)));
    print_to(&serial, "hello: %llu object in the heap: %s\r\n",
             (unsigned long long)heap.live_objects, text);
    freed = kfree(text);
    freed_again = kfree(text);
    print_to(&serial, "hello: it is freed: %s; once more: %s\r\n", freed ? "yes" : "refused",
             freed_again ? "yes" : "refused");
    require(pmm_free(block, PMM_ORDER_2M), "giving the 2 MiB back");
    require(pmm_check(), "the frames' books");
    require(heap_check(), "the heap's books");
}

void kernel_entry(struct handoff *handoff)
{
    start(handoff);
    print_to(&serial, "hello: started by %s, command line '%s'\r\n", machine.loader_name,
             machine.command_line);
    use();
    end(EXIT_SUCCESS);
}
