/* SPDX-License-Identifier: BSD-2-Clause
 *
 * monitor.c - the interactive shell: keys in, commands out.
 *
 * The parts know nothing of each other: keys.c makes keys of bytes, line.c a line of keys,
 * words.c commands of a line, commands.c finds who handles them. Here they are joined with the
 * console.
 */

#include "monitor/monitor.h"
#include "arch/cpu.h"
#include "dev/console.h"
#include "dev/screen.h"
#include "diag/diag.h"
#include "diag/selftest.h"
#include "mm/heap.h"
#include "mm/pmm.h"
#include "monitor/commands.h"
#include "monitor/line.h"
#include "monitor/usage.h"
#include "monitor/words.h"
#include "smp/smp.h"

#define PROMPT "meridian> "

static const struct handoff_view *machine;
static bool is_asking;
static struct history history;
static struct line line;

/* --- completion ------------------------------------------------------------------------------ */

/* The command that the word at `word_start` is an argument of; NULL when it is a command itself. */
static const struct command *command_before(const char *text, size_t word_start)
{
    char name[LINE_BYTES];
    size_t start = word_start;
    size_t length = 0;

    while (start > 0 && text[start - 1] != ';')
        start--;
    while (text[start] == ' ')
        start++;
    while (start < word_start && text[start] != ' ')
        name[length++] = text[start++];
    name[length] = '\0';
    return length == 0 ? NULL : command_find(name);
}

static bool is_first_word(const char *text, size_t word_start)
{
    while (word_start > 0 && text[word_start - 1] == ' ')
        word_start--;
    return word_start == 0 || text[word_start - 1] == ';';
}

static const char *candidate(struct line_completer *completer, const char *text, size_t word_start,
                             unsigned index)
{
    static char word[USAGE_WORD_BYTES];
    const struct command *command;

    (void)completer;
    if (is_first_word(text, word_start)) {
        command = command_at(index);
        return command == NULL ? NULL : command->name;
    }
    command = command_before(text, word_start);
    if (command == NULL)
        return NULL;
    if (command->run == command_help)
        return command_at(index) == NULL ? NULL : command_at(index)->name;
    return usage_word(command->arguments, index, word) ? word : NULL;
}

static struct line_completer completer = { candidate };

/* --- the prompt ------------------------------------------------------------------------------ */

/* While nobody types there is time to clear frames for those who will want zeros; on all processors. */
static uint8_t wait_for_byte(void)
{
    char character;

    smp_allow_clearing(true);
    while (!console_read(&character))
        if (!pmm_zero_ahead())
            arch_cpu_relax();
    smp_allow_clearing(false);
    return (uint8_t)character;
}

/* F1: the dashboard, on the screen; without one it is printed, as the command would. */
static void show_memory(void)
{
    char command[] = "viz";

    if (screen_is_there()) {
        viz_open(machine);
        return;
    }
    print("\n");
    commands_run(command, machine);
}

/* Until Enter: the line is then in `line.text`. */
static void read_line(struct key_parser *parser)
{
    enum line_event event;

    line_begin(&line);
    do {
        uint8_t byte = wait_for_byte();

        enum key key = keys_feed(parser, byte);

        if (key == KEY_F1) {
            show_memory();
            line_begin(&line);
        }
        event = line_key(&line, key, (char)byte);
        if (event == LINE_CANCELLED)
            line_begin(&line);
    } while (event != LINE_ENTERED);
}

[[gnu::noreturn]] static void run_prompt(void)
{
    struct key_parser parser;

    if (!console_has_input()) {
        viz_tour(machine);
        print(
            "There is neither a serial line nor a keyboard to type at: the machine stops here.\n");
        console_flush();
        arch_cpu_halt();
    }
    keys_init(&parser);
    line_init(&line, PROMPT, console_sink(), &history, &completer);
    is_asking = true;
    print("This is the monitor. 'help' lists its commands, 'tour' gives a lesson, F1 shows "
          "memory.\n");
    for (;;) {
        read_line(&parser);
        commands_run(line.text, machine);
    }
}

/* --- what the command line asks for ---------------------------------------------------------- */

/* The commands of run="..." are cut up in a copy of their own. */
static void run_commands(struct cmdline_text commands)
{
    char *text = kmalloc(commands.size + 1);

    if (text == NULL) {
        print("monitor: no memory for the commands of run=\n");
        diag_note_failure();
        return;
    }
    (void)cmdline_copy(commands, text, commands.size + 1);
    commands_run(text, machine);
    (void)kfree(text);
}

bool monitor_will_exit(const struct cmdline_options *options)
{
    return options->exit || (options->run.text != NULL &&
                             words_have_command(options->run.text, options->run.size, "exit"));
}

bool monitor_is_asking(void)
{
    return is_asking;
}

void monitor_main(const struct handoff_view *view, const struct cmdline_options *options)
{
    machine = view;
    if (options->selftest)
        (void)selftest_run(machine, NULL, selftest_new_seed());
    if (options->run.text != NULL)
        run_commands(options->run);
    if (options->exit)
        diag_exit();
    run_prompt();
}
