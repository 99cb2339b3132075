/* SPDX-License-Identifier: BSD-2-Clause
 *
 * menu.c - what a user can do before the boot: shown when a key is down as the loader starts, or for
 * the time that the configuration says.
 *
 * It runs under the firmware, so that every keyboard works that works in the firmware's own set-up,
 * and the serial line with it. A start that shows no menu asks for a key once, and waits for
 * nothing. Where no key can come the machine boots.
 */
#include "console.h"
#include "lib/string.h"
#include "loader.h"
#include "menu.h"
#include "pages.h"
#include "screen.h"

#define SECOND_MILLISECONDS 1000u

/* Rows of the screen. */
#define FACTS_ROW           2u
#define FACT_LINES          4u
#define FIRST_FACT_LINE     2u /* of the report's text */
#define ENTRIES_ROW         8u
#define TELL_ROW            14u
#define LINE_ROW            16u
#define LINE_ROWS           4u
#define MESSAGE_ROW         22u

struct menu {
    struct loader *loader;
    size_t chosen;
    unsigned seconds_left; /* 0: the menu stays */
    bool over;
    const char *message;
    struct text report; /* the facts, and what `look` shows; start is NULL where there is none */
};

struct entry {
    const char *name;
    const char *tells; /* what it does */
    void (*run)(struct menu *menu);
};

static void run_boot(struct menu *menu)
{
    menu->over = true;
}

static void run_edit(struct menu *menu)
{
    if (policy_is_locked(&menu->loader->policy)) {
        menu->message =
            menu->loader->policy.pinned
                ? "The loader was signed for this configuration and its command line."
                : "Secure Boot is on: the command line stays what the configuration says.";
        return;
    }
    menu->message =
        menu_edit_line(&menu->loader->command_line) ? "For this boot only." : "It is as it was.";
}

static void run_look(struct menu *menu)
{
    if (menu->report.start == NULL) {
        menu->message = "The firmware gives no memory map that makes sense.";
        return;
    }
    menu_show_text("The memory of this machine", menu->report);
    menu->message = "";
}

/* What became of it is told on a screen of its own, since a failure takes several lines. */
static void run_save(struct menu *menu)
{
    screen_release();
    report_save(menu->loader);
    console_print("\nPress a key.\n");
    screen_wait_key();
    menu->message = "";
}

static void run_leave(struct menu *menu)
{
    menu->loader->leave = true;
    menu->over = true;
}

static const struct entry entries[] = {
    { "Boot", "Starts the kernel with the command line below.", run_boot },
    { "Edit the command line", "Changes it for this boot; the file stays as it is.", run_edit },
    { "Look at the memory map", "What the firmware says, what Meridian makes of it, and why.",
      run_look },
    { "Save a report", "Writes it to \\meridian\\memmap.txt and memmap.json on the stick.",
      run_save },
    { "Return to the firmware", "Nothing was changed on this machine.", run_leave },
};

/* --- drawing ----------------------------------------------------------------------------- */

/* The lines of the report's head that name machine, processor, firmware and memory. */
static void draw_facts(const struct menu *menu)
{
    const char *at = menu->report.start;

    for (unsigned line = 0; at != NULL && line < FIRST_FACT_LINE + FACT_LINES; line++) {
        const char *end = at;

        while (*end != '\n' && *end != '\0')
            end++;
        if (line >= FIRST_FACT_LINE)
            screen_line(FACTS_ROW + line - FIRST_FACT_LINE, SCREEN_PLAIN, "  %.*s", (int)(end - at),
                        at);
        at = *end == '\n' ? end + 1 : NULL;
    }
}

static void draw_entries(const struct menu *menu)
{
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        bool chosen = i == menu->chosen;

        screen_line((unsigned)(ENTRIES_ROW + i), chosen ? SCREEN_CHOSEN : SCREEN_PLAIN,
                    " %c %zu  %s", chosen ? '>' : ' ', i + 1, entries[i].name);
    }
    screen_line(TELL_ROW, SCREEN_PLAIN, "      %s", entries[menu->chosen].tells);
}

static void draw_message(const struct menu *menu)
{
    if (menu->seconds_left > 0)
        screen_line(MESSAGE_ROW, SCREEN_WARNING,
                    "  Boots in %u s. Enter boots now, another key stops the clock.",
                    menu->seconds_left);
    else
        screen_line(MESSAGE_ROW, SCREEN_WARNING, "  %s", menu->message);
}

static void draw_command_line(const struct command_line *line)
{
    size_t width = SCREEN_COLUMNS - 2;

    screen_line(LINE_ROW, SCREEN_HINT, "  Command line");
    for (unsigned row = 0; row < LINE_ROWS; row++) {
        size_t start = row * width < line->length ? row * width : line->length;
        bool cut = row + 1 == LINE_ROWS && line->length > LINE_ROWS * width;

        screen_line(LINE_ROW + 1 + row, SCREEN_PLAIN, "  %.*s%s", (int)(cut ? width - 3 : width),
                    line->length == 0 && row == 0 ? "(empty)" : line->text + start,
                    cut ? "..." : "");
    }
}

static void draw(const struct menu *menu)
{
    screen_clear();
    screen_line(0, SCREEN_TITLE, " Meridian: the memory of this machine");
    draw_facts(menu);
    draw_entries(menu);
    draw_command_line(&menu->loader->command_line);
    draw_message(menu);
    screen_line(SCREEN_MIN_ROWS - 1, SCREEN_HINT,
                " Up, Down: choose   Enter, or the number: do it   Esc: boot");
}

/* --- keys -------------------------------------------------------------------------------- */

static void choose(struct menu *menu, size_t chosen)
{
    menu->chosen = chosen;
    draw_entries(menu);
}

static void run_chosen(struct menu *menu)
{
    entries[menu->chosen].run(menu);
    if (!menu->over)
        draw(menu);
}

static void take_key(struct menu *menu, EFI_INPUT_KEY key)
{
    size_t digit = (size_t)key.UnicodeChar - '1';

    if (key.ScanCode == SCAN_DOWN)
        choose(menu, (menu->chosen + 1) % ARRAY_COUNT(entries));
    else if (key.ScanCode == SCAN_UP)
        choose(menu, (menu->chosen + ARRAY_COUNT(entries) - 1) % ARRAY_COUNT(entries));
    else if (key.ScanCode == SCAN_ESC)
        run_boot(menu);
    else if (key.UnicodeChar == '\r')
        run_chosen(menu);
    else if (digit < ARRAY_COUNT(entries)) {
        choose(menu, digit);
        run_chosen(menu);
    }
}

/* A second of the clock, or a key. */
static void count_down(struct menu *menu)
{
    EFI_INPUT_KEY key;

    if (!screen_key(SECOND_MILLISECONDS, &key)) {
        menu->seconds_left--;
        menu->over = menu->seconds_left == 0;
        if (!menu->over)
            draw_message(menu);
        return;
    }
    menu->seconds_left = 0;
    draw_message(menu);
    take_key(menu, key);
}

static void run_menu(struct menu *menu)
{
    draw(menu);
    while (!menu->over && screen_has_keys()) {
        if (menu->seconds_left > 0)
            count_down(menu);
        else
            take_key(menu, screen_wait_key());
    }
    screen_release();
}

enum status menu_if_wanted(struct loader *loader)
{
    struct menu menu = { .loader = loader,
                         .seconds_left = loader->config.timeout_seconds,
                         .message = "" };
    EFI_INPUT_KEY key;
    bool pressed = screen_key(0, &key);

    if (!screen_has_keys() || (!pressed && menu.seconds_left == 0))
        return STATUS_OK;
    if (pressed)
        menu.seconds_left = 0;
    if (report_render(loader, REPORT_TEXT, &menu.report) != STATUS_OK)
        menu.report = (struct text){ NULL, 0 };
    run_menu(&menu);
    if (menu.report.start != NULL)
        pages_free(pa((uintptr_t)menu.report.start));
    return STATUS_OK;
}
