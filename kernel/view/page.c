/* SPDX-License-Identifier: BSD-2-Clause
 *
 * page.c - title, keys, notes, headings, legends: what the pages share.
 */
#include "page.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "lib/wide.h"

#define LEGEND_COLUMNS   26u
#define NAME_COLUMNS     13u
#define SIZE_COLUMNS     10u
#define NOTE_COLUMNS     104u
#define NOTE_INDENT      14u
#define NOTE_ROWS_MOST   200u
#define SECONDS_A_HOUR   3600u
#define SECONDS_A_MINUTE 60u

const struct view_style style_text = { VIEW_TEXT, VIEW_NIGHT };
const struct view_style style_faint = { VIEW_FAINT, VIEW_NIGHT };
const struct view_style style_bright = { VIEW_BRIGHT, VIEW_NIGHT };
const struct view_style style_heading = { VIEW_ACCENT, VIEW_NIGHT };
const struct view_style style_line = { VIEW_LINE, VIEW_NIGHT };

static const struct view_style bar_text = { VIEW_TEXT, VIEW_PANEL };
static const struct view_style bar_faint = { VIEW_FAINT, VIEW_PANEL };
static const struct view_style bar_heading = { VIEW_ACCENT, VIEW_PANEL };
static const struct view_style bar_chosen = { VIEW_NIGHT, VIEW_ACCENT };

/* --- the bars above and below ------------------------------------------------------------ */

static const char *page_name(enum dashboard_page page)
{
    static const char *const names[DASHBOARD_PAGE_COUNT] = {
        [DASHBOARD_OVERVIEW] = " 1 Overview ",
        [DASHBOARD_FRAMES] = " 2 Frames ",
        [DASHBOARD_HEAP] = " 3 Heap ",
        [DASHBOARD_LOG] = " 4 Log ",
    };

    return names[page];
}

static void draw_clock(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    unsigned seconds = (unsigned)dashboard->model.seconds;
    char text[32];

    (void)print_buffer(text, sizeof(text), "%sup %u:%02u:%02u", dashboard->touring ? "tour   " : "",
                       seconds / SECONDS_A_HOUR, seconds / SECONDS_A_MINUTE % SECONDS_A_MINUTE,
                       seconds % SECONDS_A_MINUTE);
    (void)sheet_text(sheet, sheet->columns - PAGE_LEFT - (unsigned)strlen(text), 0, sizeof(text),
                     bar_faint, text);
}

void page_draw_title(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    unsigned column;

    sheet_fill(sheet, 0, 0, sheet->columns, 1, ' ', bar_text);
    column = sheet_text(sheet, PAGE_LEFT, 0, sheet->columns, bar_heading, "MERIDIAN") + 3;
    for (unsigned page = 0; page < DASHBOARD_PAGE_COUNT; page++)
        column = sheet_text(sheet, column, 0, sheet->columns,
                            page == dashboard->page ? bar_chosen : bar_text,
                            page_name((enum dashboard_page)page)) +
                 1;
    draw_clock(dashboard, sheet);
}

static const char *keys_of(enum dashboard_page page)
{
    static const char *const keys[DASHBOARD_PAGE_COUNT] = {
        [DASHBOARD_OVERVIEW] =
            "arrows choose a region   Enter explains   Tab next page   + zoom   Esc leaves",
        [DASHBOARD_FRAMES] = "arrows move   + - zoom   Enter explains   Tab next page   Esc leaves",
        [DASHBOARD_HEAP] = "Tab next page   Esc leaves",
        [DASHBOARD_LOG] = "Tab next page   Esc leaves",
    };

    return keys[page];
}

void page_draw_keys(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    const char *keys = dashboard->note != NULL ? "any key closes this" : keys_of(dashboard->page);

    sheet_fill(sheet, 0, sheet->rows - 1, sheet->columns, 1, ' ', bar_text);
    (void)sheet_text(sheet, PAGE_LEFT, sheet->rows - 1, sheet->columns - PAGE_LEFT, bar_faint,
                     keys);
}

/* --- notes ------------------------------------------------------------------------------- */

/* How much of a text goes into the next row: up to its line's end, or to the last blank that fits. */
static unsigned row_length(const char *text, unsigned columns)
{
    unsigned length = 0;
    unsigned end;

    while (text[length] != '\0' && text[length] != '\n')
        length++;
    if (length <= columns)
        return length;
    end = columns;
    while (end > columns / 2 && text[end] != ' ')
        end--;
    return text[end] == ' ' ? end : columns;
}

/* Draws a text from `row` on, or only counts its rows where there is no sheet. A row that goes on is
 * indented. */
static unsigned draw_lines(const char *text, struct view_sheet *sheet, unsigned column,
                           unsigned row, unsigned columns, unsigned end_row)
{
    unsigned indent = 0;

    while (*text != '\0' && row < end_row) {
        unsigned part = row_length(text, columns - indent);

        if (sheet != NULL)
            (void)sheet_print(sheet, column + indent, row, columns, bar_text, "%.*s", (int)part,
                              text);
        row++;
        text += part;
        indent = *text == '\n' || *text == '\0' ? 0 : NOTE_INDENT;
        while (indent > 0 && *text == ' ')
            text++;
        if (*text == '\n')
            text++;
    }
    return row;
}

void page_draw_note(const char *note, struct view_sheet *sheet)
{
    unsigned most = sheet->columns - 2 * PAGE_LEFT;
    unsigned columns = most < NOTE_COLUMNS ? most : NOTE_COLUMNS;
    unsigned inside = columns - 4;
    unsigned rows = draw_lines(note, NULL, 0, 0, inside, NOTE_ROWS_MOST) + 2;
    unsigned left = (sheet->columns - columns) / 2;
    unsigned top;

    if (rows > sheet->rows - 3)
        rows = sheet->rows - 3;
    top = sheet->rows - 2 - rows;
    sheet_fill(sheet, left, top, columns, rows, ' ', bar_text);
    sheet_fill(sheet, left, top, 1, rows, GLYPH_BAR + 2, bar_heading);
    (void)draw_lines(note, sheet, left + 2, top + 1, inside, top + rows - 1);
}

/* --- headings and figures ---------------------------------------------------------------- */

void page_heading(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                  const char *heading, const char *remark)
{
    unsigned end = column + columns;
    unsigned length = (unsigned)strlen(remark);

    column = sheet_text(sheet, column, row, columns, style_heading, heading) + 1;
    sheet_fill(sheet, column, row, end > column ? end - column : 0, 1, GLYPH_HORIZONTAL,
               style_line);
    if (length > 0 && column + length + 2 < end) {
        sheet_put(sheet, end - length - 2, row, ' ', style_line);
        (void)sheet_text(sheet, end - length - 1, row, length, style_faint, remark);
        sheet_put(sheet, end - 1, row, ' ', style_line);
    }
}

void page_size(struct view_sheet *sheet, unsigned column, unsigned row, struct view_style style,
               uint64_t size_bytes)
{
    char text[SIZE_TEXT_BYTES];

    (void)sheet_print(sheet, column, row, SIZE_COLUMNS, style, "%10s",
                      format_size(size_bytes, text));
}

void legend_add(struct legend *legend, enum view_colour colour, const char *name, uint64_t bytes)
{
    struct view_sheet *sheet = legend->sheet;

    if (legend->column + LEGEND_COLUMNS > legend->end_column) {
        legend->column = legend->first_column;
        legend->row++;
    }
    sheet_put(sheet, legend->column, legend->row, GLYPH_SQUARE,
              (struct view_style){ colour, VIEW_NIGHT });
    (void)sheet_text(sheet, legend->column + 2, legend->row, NAME_COLUMNS, style_text, name);
    page_size(sheet, legend->column + 2 + NAME_COLUMNS - 2, legend->row, style_bright, bytes);
    legend->column += LEGEND_COLUMNS;
}

/* --- the log ----------------------------------------------------------------------------- */

/* Takes the log twice: first its lines are counted, then the last ones drawn. */
struct log_view {
    struct print_sink sink;
    struct view_sheet *sheet; /* NULL: only count */
    unsigned line;
    unsigned first_line;
    unsigned column;
    unsigned row;
    unsigned columns;
    unsigned at; /* in the line */
};

static void draw_character(struct log_view *view, char character)
{
    bool in_stamp = view->at < sizeof("[    0.000000]") - 1;

    if (view->line >= view->first_line && view->at < view->columns && character >= ' ')
        sheet_put(view->sheet, view->column + view->at, view->row + view->line - view->first_line,
                  (uint8_t)character, in_stamp ? style_faint : style_text);
    view->at++;
}

static void log_view_write(struct print_sink *sink, const char *text, size_t size)
{
    struct log_view *view = CONTAINER_OF(sink, struct log_view, sink);

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            view->line++;
            view->at = 0;
        } else if (view->sheet != NULL) {
            draw_character(view, text[i]);
        }
    }
}

void page_log_lines(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                    unsigned rows)
{
    struct log_view view = { .sink.write = log_view_write };

    log_dump(&view.sink);
    view.first_line = view.line > rows ? view.line - rows : 0;
    view.sheet = sheet;
    view.line = 0;
    view.at = 0;
    view.column = column;
    view.row = row;
    view.columns = columns;
    log_dump(&view.sink);
}

void page_draw_log(const struct dashboard *dashboard, struct view_sheet *sheet)
{
    unsigned columns = sheet->columns - 2 * PAGE_LEFT;

    (void)dashboard;
    page_heading(sheet, PAGE_LEFT, 2, columns, "Log", "the last lines");
    page_log_lines(sheet, PAGE_LEFT, 4, columns, sheet->rows - 6);
}
