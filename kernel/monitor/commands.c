/* SPDX-License-Identifier: BSD-2-Clause
 *
 * commands.c - the table of commands, and the way from a line of text to a handler.
 */

#include "monitor/commands.h"
#include "dev/console.h"
#include "diag/diag.h"
#include "diag/paragraph.h"
#include "lib/json.h"
#include "lib/number.h"
#include "lib/print.h"
#include "lib/string.h"
#include "monitor/words.h"

#define FAULTS      "null|wx|nx|stack|divide|gp|double"
#define HEAP_FAULTS "heap-overflow|heap-underflow|heap-freed|heap-fresh"
#define CHECKED     "smash|variable|free-frame|shift|overflow|bounds"

static const struct command commands[] = {
    { "help", "[NAME]", "what the monitor can do, or what one command does",
      "Commands are separated by ';'. Numbers are decimal, or hexadecimal with 0x in front; they "
      "may\n"
      "end in a unit (K, M, G, T) and have '_' between digits. Tab completes, up and down bring\n"
      "earlier lines back; the keys of Emacs work: ctrl-A, E, K, U, W, P, N, L, and ctrl-C.\n",
      0, 1, command_help },
    { "map", "[-u | -d]", "the memory map: what lies where, and whose it is",
      "  -u   the firmware's own map, entry by entry, as it came\n"
      "  -d   what the conversion of the firmware's map changed, and why\n",
      0, 1, command_map },
    { "frames", "[-b]", "frames of physical memory: free, used, reserved, and what for",
      "  -b   every block of 2 MiB by what it is used for\n", 0, 1, command_frames },
    { "frame", "[retire|reserve|add] ADDRESS|NUMBER [COUNT]", "all about one frame, or a change",
      "A hexadecimal number is a physical address, or an address of the kernel, which is looked "
      "up\n"
      "in its page tables; a decimal number is the number of a frame. COUNT is 1 unless told.\n"
      "  retire   free frames are bad, and never used again\n"
      "  reserve  free frames are taken out of circulation\n"
      "  add      what was reserved, or what the firmware no longer needs, is free\n",
      1, 3, command_frame },
    { "pt", "[-a]", "the kernel's page tables, as runs of equal rights",
      "Rights are r w x u (read, write, execute, user), with the memory type where it is not\n"
      "write-back. Runs of a window with equal rights share a line.\n"
      "  -a   every run by itself, with the size of its leaves\n",
      0, 1, command_pt },
    { "walk", "ADDRESS", "the way of an address through the page tables, level by level", NULL, 1,
      1, command_walk },
    { "explain", "[physical|virtual] ADDRESS", "everything that is known about one address",
      "From the firmware's entry to the region, the frame, who maps it, and the object of the "
      "heap.\n"
      "An address of the kernel's half is virtual, any other physical, unless told: 'explain "
      "virtual\n"
      "0x1000' and 'explain v:0x1000', or p: for physical.\n",
      1, 2, command_explain },
    { "region", "[list | find ADDRESS|KIND | label ADDRESS SIZE KIND NAME | remove ADDRESS KIND]",
      "labels on physical memory: for DMA, of devices, firmware, and your own",
      "A KIND is dma, device, firmware or user. The map's own labels are always there; 'label' "
      "adds "
      "one\n"
      "to any range, 'remove' takes one away that was added. Labels change nothing else.\n",
      0, 5, command_region },
    { "tour", "[all]", "a guided lesson: allocate, map, touch, fault, free, with the real numbers",
      "Each step waits for a key; q ends the tour. 'tour all' does not wait.\n", 0, 1,
      command_tour },
    { "heap", "[check|events [COUNT]|debug [WORDS]]", "the kernel's heap by size class",
      "  check    recount everything; with debugging, look for damaged objects\n"
      "  events   the last 16 things that happened to objects, or COUNT of them\n"
      "  debug    which of its checks are on; WORDS, as in 'heap debug canary,poison', turns on "
      "those\n"
      "           and no others: sites poison verify quarantine random canary zero guard=N off\n",
      0, 2, command_heap },
    { "slabs", "[BYTES]", "the heap's slabs by class and by how full they are",
      "With the size of a class, each of its slabs.\n", 0, 1, command_slabs },
    { "tags", "", "who holds how much of the heap", NULL, 0, 0, command_tags },
    { "leaks", "[mark]", "what was allocated since the mark and is held, by place",
      "'leaks mark' sets the mark. Places are known with debugging on (heap debug sites).\n", 0, 1,
      command_leaks },
    { "kmalloc", "SIZE [COUNT]", "allocate objects from the heap, and say where they are",
      "At most 1024 objects at a time. Give each back with kfree.\n", 1, 2, command_kmalloc },
    { "kfree", "ADDRESS", "give an object back to the heap",
      "A wrong free (twice, into the middle, of what is not the heap's) is found, reported and\n"
      "refused.\n",
      1, 1, command_kfree },
    { "cpus", "", "the processors: what they are, have done, and keep for themselves",
      "Calls are functions run for other processors, flushes those of them that drop "
      "translations.\n"
      "Frames and objects wait in the caches of the processor. The clock says how much later its\n"
      "time-stamp counter was when processor 0's time arrived: less than 0 is behind.\n",
      0, 0, command_cpus },
    { "pci", "", "what is on PCI, and which addresses it answers at",
      "Memory of devices and of bridges' windows is in the map, reserved and held by a device.\n",
      0, 0, command_pci },
    { "fault", "[try] " FAULTS "|locks | [try] " HEAP_FAULTS " | " CHECKED " | log [NUMBER]",
      "make the processor fault, to see the report; or the log of faults",
      "  null     write to address 0\n"
      "  wx       write to the kernel's code\n"
      "  nx       execute data\n"
      "  stack    overrun the stack into its guard page\n"
      "  divide   divide by zero\n"
      "  gp       touch an address that cannot exist\n"
      "  double   fault on a stack that cannot take the exception\n"
      "  locks    fail while other processors hold locks\n"
      "  heap-overflow    write behind an object of the heap\n"
      "  heap-underflow   write before one\n"
      "  heap-freed       read one that was freed\n"
      "  heap-fresh       follow a pointer in one that nobody wrote\n"
      "  smash            overwrite a function's own return address\n"
      "  variable, free-frame        write behind a variable; to a free frame: with KASAN=1\n"
      "  shift, overflow, bounds     what C gives no meaning to: with UBSAN=1\n"
      "The kernel stops after the report: that is the point. With 'try' it goes on instead.\n"
      "'fault log' lists the faults that it went on after, programs' included; equal ones are "
      "counted.\n"
      "'fault log NUMBER' shows the report again.\n",
      1, 2, command_fault },
    { "run", "list|[-t] [-s SECONDS] PROGRAM", "run a user program in ring 3",
      "'run list' names the programs. A program that does what it may not, or does not end, is "
      "ended\n"
      "with a report, and the machine goes on; all that it had is given back.\n"
      "  -t   tell each system call, page fault, frame and page-table entry\n"
      "  -s   end it after so many seconds of its processor, not after 10\n",
      1, 4, command_run },
    { "selftest", "[list|NAME] [seed=NUMBER]", "test the memory manager on this machine",
      "Without a name all tests are run; 'selftest list' says what each of them proves. Equal "
      "seeds\n"
      "make equal random loads.\n",
      0, 2, command_selftest },
    { "stress", "[SECONDS [SEED]]|frames|spaces|heap [COUNT]|fail [sites]",
      "a load of any length on the memory manager, on all processors or against a model",
      "For SECONDS, 10 unless told, all processors allocate, free, map, unmap, fault and write, "
      "and\n"
      "check what they wrote; ctrl-C ends it. SEED repeats the operations of each processor.\n"
      "  frames   COUNT operations of the frame allocator, 100000 unless told: at the end the "
      "same\n"
      "           frames are free as at the beginning\n"
      "  spaces   COUNT user spaces, 1000 unless told, are made, cloned, dirtied, cut up and "
      "ended:\n"
      "           at the end as many frames are free as at the beginning\n"
      "  heap     COUNT operations of the heap, 100000 unless told: likewise\n"
      "  fail     each allocation of a list of operations fails, alone and with all behind it: "
      "nothing is\n"
      "           lost; 'sites' names the places in the code that asked for memory\n",
      0, 2, command_stress },
    { "bench", "frames|vm|smp", "what the operations of the memory manager cost",
      "Ticks of the processor's time-stamp counter for one operation; under QEMU's -icount "
      "shift=0,\n"
      "instructions. A pair, an allocation and its free, counts once.\n"
      "  frames   the frame allocator\n"
      "  vm       page faults, and areas with their frames\n"
      "  smp      pairs of frames and objects, on one processor and on all at once\n",
      1, 1, command_bench },
    { "viz", "[overview|frames|heap|log] [ansi|text]", "memory to look at: a dashboard",
      "On the screen, until Esc: arrows choose, Enter explains, + and - zoom, Tab and 1 to 4 "
      "change\n"
      "the page; without a key for 20 seconds it shows itself around. Without a screen the page "
      "is\n"
      "printed.\n"
      "  ansi     print it, in colours\n"
      "  text     print it, in letters: . free, others as in 'help frames'\n",
      0, 2, command_viz },
    { "memviz", "[overview|frames|heap|log] [ansi|text]", "the same as viz", NULL, 0, 2,
      command_viz },
    { "log", "", "what the kernel has logged, also what was not shown on the console", NULL, 0, 0,
      command_log },
    { "json", "[on|off]", "tell results as JSON events as well", NULL, 0, 1, command_json },
    { "reboot", "", "reset the machine", NULL, 0, 0, command_reboot },
    { "exit", "[CODE]", "leave QEMU, with a code that says whether anything has failed",
      "Through isa-debug-exit at port 0xf4: 0x10 when nothing failed since boot (QEMU ends with "
      "33),\n"
      "0x11 when a self-test or a command failed (35), or CODE, 0 to 127 (2 x CODE + 1). A "
      "machine\n"
      "without that device stops.\n",
      0, 1, command_exit },
};

const struct command *command_at(unsigned index)
{
    return index < ARRAY_COUNT(commands) ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* --- what went wrong ------------------------------------------------------------------------- */

static void report_error(const char *command, const char *message)
{
    struct json event;

    print("%s: %s\n", command, message);
    json_begin(&event, json_console(), "error");
    json_text(&event, "command", command);
    json_text(&event, "message", message);
    json_end(&event);
}

bool command_fail(const struct command_call *call, const char *format, ...)
{
    char message[160];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(message, sizeof message, format, arguments);
    va_end(arguments);
    report_error(call->command->name, message);
    return false;
}

#define USAGE_INDENT 7 /* of what fits no line */

static void print_usage(const struct command *command)
{
    struct paragraph paragraph;

    paragraph_begin(&paragraph, console_sink(), NULL, USAGE_INDENT);
    print_to(&paragraph.sink, "usage: %s %s", command->name, command->arguments);
    paragraph_end(&paragraph);
}

bool command_refuse(const struct command_call *call, const char *format, ...)
{
    char message[160];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(message, sizeof message, format, arguments);
    va_end(arguments);
    report_error(call->command->name, message);
    print_usage(call->command);
    return false;
}

/* --- arguments ------------------------------------------------------------------------------- */

const char *command_argument(const struct command_call *call, unsigned index)
{
    return index < call->count ? call->arguments[index] : NULL;
}

bool command_argument_is(const struct command_call *call, unsigned index, const char *text)
{
    return index < call->count && strcmp(call->arguments[index], text) == 0;
}

bool command_number(const struct command_call *call, unsigned index, uint64_t *value)
{
    const char *text = call->arguments[index];

    switch (number_parse(text, value)) {
    case STATUS_OK:
        return true;
    case STATUS_OVERFLOW:
        return command_refuse(call, "%s is larger than 64 bits", text);
    default:
        return command_refuse(call, "'%s' is no number (hexadecimal ones begin with 0x)", text);
    }
}

/* --- running --------------------------------------------------------------------------------- */

static bool run_words(const struct words *words, const struct handoff_view *machine)
{
    struct command_call call = {
        .command = command_find(words->word[0]),
        .count = words->count - 1,
        .arguments = &words->word[1],
        .machine = machine,
    };

    if (call.command == NULL) {
        report_error(words->word[0], "there is no such command; try 'help'");
        return false;
    }
    if (call.count < call.command->least)
        return command_refuse(&call, "an argument is missing");
    if (call.count > call.command->most)
        return command_refuse(&call, "'%s' is one argument too many",
                              call.arguments[call.command->most]);
    return call.command->run(&call);
}

static bool run_next(char **text, const struct handoff_view *machine)
{
    struct words words;

    switch (words_next(text, &words)) {
    case STATUS_OK:
        return words.count == 0 || run_words(&words, machine);
    case STATUS_TRUNCATED:
        report_error("monitor", "a quote is not closed");
        return false;
    default:
        report_error("monitor", "too many words in one command");
        return false;
    }
}

void commands_run(char *text, const struct handoff_view *machine)
{
    while (text != NULL) {
        if (!run_next(&text, machine))
            diag_note_failure();
    }
}

/* --- help ------------------------------------------------------------------------------------ */

static void print_all(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        print("  %-10s%s\n", commands[i].name, commands[i].help);
    print("'help NAME' tells how a command is used.\n");
}

bool command_help(const struct command_call *call)
{
    const struct command *command;

    if (call->count == 0) {
        print_all();
        return true;
    }
    command = command_find(call->arguments[0]);
    if (command == NULL)
        return command_fail(call, "there is no command '%s'", call->arguments[0]);
    print("%s: %s\n", command->name, command->help);
    print_usage(command);
    if (command->details != NULL)
        print("%s", command->details);
    return true;
}
