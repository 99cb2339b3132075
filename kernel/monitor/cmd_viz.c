/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_viz.c - viz: the dashboard, on the screen until a key leaves it, or printed once.
 *
 * The loop reads keys from wherever the console has them, draws after each, and takes the numbers anew
 * twice a second. A lone Esc cannot be told from the first byte of an arrow key until nothing follows:
 * ESCAPE_WAIT. Where nobody touches a key at all, the dashboard shows itself around.
 *
 * What is drawn on is kept between uses: the choice stays where it was. Memory for the tiles is taken
 * when the dashboard opens and given back when it closes.
 */

#include "monitor/commands.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "dev/console.h"
#include "dev/screen.h"
#include "diag/explain.h"
#include "lib/json.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/heap.h"
#include "monitor/keys.h"
#include "view/dashboard.h"

#define PRINTED_COLUMNS 99 /* a row of a terminal that has 100 stays one row */
#define PRINTED_ROWS    46
#define NOTE_BYTES      6144

/* As arch_clock_read() counts. */
#define SECOND          ((uint64_t)1 << 32)
#define ESCAPE_WAIT     (SECOND / 16)
#define REFRESH         (SECOND / 2)
#define TOUR_AFTER      (20 * SECOND)
#define TOUR_STEP       (6 * SECOND)

static struct dashboard dashboard;
static struct explanation explanation; /* too large for a stack */
static char note[NOTE_BYTES];

static uint64_t now(void)
{
    uint64_t time;

    (void)arch_clock_read(&time);
    return time;
}

/* --- the event --------------------------------------------------------------------------- */

static void write_device(struct json *event)
{
    struct screen_facts facts;

    screen_get_facts(&facts);
    json_boolean(event, "text_mode", facts.is_text);
    json_number(event, "cell_width", facts.cell_width);
    json_number(event, "cell_height", facts.cell_height);
    json_number(event, "left_pixels", facts.left_pixels);
    json_number(event, "top_pixels", facts.top_pixels);
    json_number(event, "bytes_written", facts.bytes_written);
    json_number(event, "flushes", facts.flushes);
}

static void write_event(const struct view_sheet *sheet, bool on_screen)
{
    struct json event;

    if (json_console() == NULL)
        return;
    json_begin(&event, json_console(), "viz");
    json_boolean(&event, "on_screen", on_screen);
    if (on_screen)
        write_device(&event);
    dashboard_write_event(&dashboard, sheet, &event);
    json_end(&event);
}

/* --- what is shown ----------------------------------------------------------------------- */

/* Choices survive from one use to the next; what depends on the size of the sheet does not. */
static bool open_dashboard(const struct handoff_view *machine, unsigned columns, unsigned rows)
{
    struct dashboard before = dashboard;
    struct view_tile *tiles = kmalloc(dashboard_tiles(columns, rows) * sizeof(*tiles));

    if (tiles == NULL)
        return false;
    dashboard_init(&dashboard, &machine->map, tiles, columns, rows);
    dashboard.page = before.page;
    if (before.map == &machine->map) {
        dashboard.row = before.row;
        dashboard.frame = before.frame;
    }
    return true;
}

static void close_dashboard(void)
{
    (void)kfree(dashboard.grid.tiles);
    dashboard.grid.tiles = NULL;
}

static void refresh(void)
{
    dashboard_refresh(&dashboard, now() >> 32);
}

static void draw_on_screen(void)
{
    dashboard_draw(&dashboard, screen_sheet());
    screen_changed();
}

/* --- explaining -------------------------------------------------------------------------- */

static void explain_chosen(const struct handoff_view *machine)
{
    struct print_text target;

    print_text_begin(&target, note, sizeof(note));
    explain_physical(machine, pa(dashboard_address(&dashboard)), &explanation);
    explain_print(&explanation, &target.sink);
    dashboard.note = note;
}

/* --- keys -------------------------------------------------------------------------------- */

static unsigned key_of_character(char character)
{
    switch (character) {
    case '+':
    case '=':
        return DASHBOARD_NEARER;
    case '-':
    case '_':
        return DASHBOARD_FARTHER;
    case '1':
    case '2':
    case '3':
    case '4':
        return (unsigned)(DASHBOARD_PAGE + (character - '1'));
    default:
        return DASHBOARD_NOTHING;
    }
}

static unsigned key_of(enum key key, char character)
{
    switch (key) {
    case KEY_TEXT:
        return key_of_character(character);
    case KEY_LEFT:
        return DASHBOARD_LEFT;
    case KEY_RIGHT:
        return DASHBOARD_RIGHT;
    case KEY_UP:
        return DASHBOARD_UP;
    case KEY_DOWN:
        return DASHBOARD_DOWN;
    case KEY_TAB:
        return DASHBOARD_NEXT_PAGE;
    case KEY_F1:
    case KEY_F2:
    case KEY_F3:
    case KEY_F4:
        return (unsigned)DASHBOARD_PAGE + (unsigned)(key - KEY_F1);
    default:
        return DASHBOARD_NOTHING;
    }
}

static bool leaves(enum key key, char character)
{
    return key == KEY_CANCEL || (key == KEY_TEXT && (character == 'q' || character == 'Q'));
}

/* False when the key leaves the dashboard. */
static bool take_key(const struct handoff_view *machine, enum key key, char character)
{
    if (leaves(key, character))
        return false;
    if (key == KEY_NONE)
        return true;
    if (dashboard.note != NULL)
        dashboard.note = NULL;
    else if (key == KEY_ENTER && dashboard.page <= DASHBOARD_FRAMES)
        explain_chosen(machine);
    else
        dashboard_key(&dashboard, key_of(key, character));
    refresh();
    draw_on_screen();
    write_event(screen_sheet(), true);
    return true;
}

/* A note is closed by Esc, then the dashboard. */
static bool take_escape(void)
{
    if (dashboard.note == NULL)
        return false;
    dashboard.note = NULL;
    draw_on_screen();
    return true;
}

/* --- the loop ---------------------------------------------------------------------------- */

struct viewing {
    const struct handoff_view *machine;
    struct key_parser parser;
    uint64_t last_byte;
    uint64_t last_refresh;
    uint64_t next_step; /* of the tour; UINT64_MAX: there is none, somebody has touched a key */
};

static void pass_time(struct viewing *viewing)
{
    uint64_t time = now();

    if (time >= viewing->next_step) {
        dashboard_tour(&dashboard);
        viewing->next_step = time + TOUR_STEP;
        viewing->last_refresh = 0;
    }
    if (time - viewing->last_refresh < REFRESH)
        return;
    viewing->last_refresh = time;
    refresh();
    draw_on_screen();
}

/* False when the user leaves. */
static bool go_on(struct viewing *viewing)
{
    char character;

    if (console_read(&character)) {
        viewing->last_byte = now();
        viewing->next_step = UINT64_MAX;
        return take_key(viewing->machine, keys_feed(&viewing->parser, (uint8_t)character),
                        character);
    }
    if (viewing->parser.state == KEY_STATE_ESCAPE && now() - viewing->last_byte > ESCAPE_WAIT) {
        keys_init(&viewing->parser);
        return take_escape();
    }
    pass_time(viewing);
    arch_cpu_relax();
    return true;
}

static void view(const struct handoff_view *machine, uint64_t tour_after)
{
    struct viewing viewing = { .machine = machine, .next_step = now() + tour_after };

    keys_init(&viewing.parser);
    screen_show(true);
    refresh();
    draw_on_screen();
    write_event(screen_sheet(), true);
    while (go_on(&viewing)) {
        /* Until the user leaves. */
    }
    dashboard.note = NULL;
    screen_show(false);
}

static bool view_on_screen(const struct handoff_view *machine, uint64_t tour_after)
{
    const struct view_sheet *sheet = screen_sheet();

    if (!open_dashboard(machine, sheet->columns, sheet->rows))
        return false;
    view(machine, tour_after);
    close_dashboard();
    return true;
}

void viz_open(const struct handoff_view *machine)
{
    if (screen_is_there())
        (void)view_on_screen(machine, TOUR_AFTER);
}

void viz_tour(const struct handoff_view *machine)
{
    if (screen_is_there())
        (void)view_on_screen(machine, 0);
}

/* --- printing ---------------------------------------------------------------------------- */

static bool print_page(const struct command_call *call, bool colours)
{
    struct view_sheet sheet;
    struct view_cell *cells = kmalloc(PRINTED_COLUMNS * PRINTED_ROWS * sizeof(*cells));

    if (cells == NULL || !open_dashboard(call->machine, PRINTED_COLUMNS, PRINTED_ROWS)) {
        (void)kfree(cells);
        return command_fail(call, "no memory to draw in");
    }
    sheet_init(&sheet, cells, PRINTED_COLUMNS, PRINTED_ROWS);
    refresh();
    dashboard_draw(&dashboard, &sheet);
    sheet_write(&sheet, PRINTED_ROWS - 1, colours, colours ? console_line_sink() : console_sink());
    write_event(&sheet, false);
    close_dashboard();
    (void)kfree(cells);
    return true;
}

/* --- the command ------------------------------------------------------------------------- */

enum how { HOW_USUAL, HOW_ANSI, HOW_TEXT };

static bool read_word(const char *word, enum how *how)
{
    static const char *const pages[DASHBOARD_PAGE_COUNT] = { "overview", "frames", "heap", "log" };

    for (unsigned page = 0; page < DASHBOARD_PAGE_COUNT; page++) {
        if (strcmp(word, pages[page]) == 0) {
            dashboard.page = (enum dashboard_page)page;
            return true;
        }
    }
    if (strcmp(word, "ansi") == 0)
        *how = HOW_ANSI;
    else if (strcmp(word, "text") == 0)
        *how = HOW_TEXT;
    else
        return false;
    return true;
}

bool command_viz(const struct command_call *call)
{
    enum how how = HOW_USUAL;

    for (unsigned i = 0; i < call->count; i++)
        if (!read_word(call->arguments[i], &how))
            return command_refuse(call, "'%s' is neither a page nor a way to print it",
                                  call->arguments[i]);
    if (how != HOW_USUAL || !screen_is_there() || !monitor_is_asking())
        return print_page(call, how != HOW_TEXT);
    print("The dashboard is on the screen; Esc comes back.\n");
    if (!view_on_screen(call->machine, TOUR_AFTER))
        return command_fail(call, "no memory to draw in");
    return true;
}
