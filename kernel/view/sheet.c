/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sheet.c - drawing in cells.
 *
 * Everything goes through sheet_put(), which cuts off what lies outside. Nothing is compared here:
 * what has changed since it was shown is the painters' matter.
 */
#include "view/sheet.h"

#define TEXT_BYTES 256
#define EIGHTHS    8u

static const struct view_style plain = { VIEW_TEXT, VIEW_NIGHT };

struct view_cell *sheet_row(const struct view_sheet *sheet, unsigned row)
{
    unsigned place = sheet->first_row + row;

    if (place >= sheet->rows)
        place -= sheet->rows;
    return sheet->cells + (size_t)place * sheet->columns;
}

void sheet_put(struct view_sheet *sheet, unsigned column, unsigned row, uint8_t glyph,
               struct view_style style)
{
    if (column < sheet->columns && row < sheet->rows)
        sheet_row(sheet, row)[column] =
            (struct view_cell){ glyph, (uint8_t)style.ink, (uint8_t)style.ground, 0 };
}

void sheet_fill(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                unsigned rows, uint8_t glyph, struct view_style style)
{
    for (unsigned y = 0; y < rows && row + y < sheet->rows; y++)
        for (unsigned x = 0; x < columns && column + x < sheet->columns; x++)
            sheet_put(sheet, column + x, row + y, glyph, style);
}

void sheet_clear(struct view_sheet *sheet)
{
    sheet_fill(sheet, 0, 0, sheet->columns, sheet->rows, ' ', plain);
}

void sheet_init(struct view_sheet *sheet, struct view_cell *cells, unsigned columns, unsigned rows)
{
    *sheet = (struct view_sheet){ .cells = cells, .columns = columns, .rows = rows };
    sheet_clear(sheet);
}

void sheet_scroll(struct view_sheet *sheet)
{
    sheet->first_row = sheet->first_row + 1 == sheet->rows ? 0 : sheet->first_row + 1;
    sheet_fill(sheet, 0, sheet->rows - 1, sheet->columns, 1, ' ', plain);
}

unsigned sheet_text(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                    struct view_style style, const char *text)
{
    for (unsigned i = 0; i < columns && text[i] != '\0'; i++)
        sheet_put(sheet, column++, row, (uint8_t)text[i], style);
    return column;
}

unsigned sheet_print(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
                     struct view_style style, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)print_buffer_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    return sheet_text(sheet, column, row, columns, style, text);
}

/* part * units / whole, cut, without a 64-bit division: `units` is small. Not 0 unless part is. */
static unsigned share(uint64_t part, uint64_t whole, unsigned units)
{
    unsigned result = 0;

    while (whole >> 40 != 0) {
        whole >>= 1;
        part = part >> 1 | (part & 1);
    }
    while (result < units && part * units >= whole * (result + 1))
        result++;
    return result == 0 && part != 0 ? 1 : result;
}

void sheet_bar(struct view_sheet *sheet, unsigned column, unsigned row, unsigned columns,
               uint64_t part, uint64_t whole, struct view_style style)
{
    unsigned filled = whole == 0 ? 0 : share(part, whole, columns * EIGHTHS);

    for (unsigned i = 0; i < columns; i++) {
        unsigned eighths = filled < EIGHTHS ? filled : EIGHTHS;

        sheet_put(sheet, column + i, row, (uint8_t)(GLYPH_BAR + eighths), style);
        filled -= eighths;
    }
}
