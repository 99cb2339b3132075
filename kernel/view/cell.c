/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cell.c - colours and glyphs: what each is called on each device.
 *
 * The palette is dark, with few loud colours: what asks for attention (user memory, damage) is
 * warm, what is the machine's own is grey or brown, what is free recedes. Sixteen colours do not
 * tell all uses of memory apart; the letters do.
 */
#include "view/cell.h"

#include "lib/bits.h"

static const struct view_colour_facts facts[VIEW_COLOUR_COUNT] = {
    [VIEW_NIGHT] = { 0x10141c, 0, ' ' },    [VIEW_PANEL] = { 0x1d2532, 4, ' ' },
    [VIEW_LINE] = { 0x3a4659, 8, ' ' },     [VIEW_FAINT] = { 0x76859c, 8, ' ' },
    [VIEW_TEXT] = { 0xc3ccd9, 7, ' ' },     [VIEW_BRIGHT] = { 0xffffff, 15, '#' },
    [VIEW_ACCENT] = { 0x6cb6ff, 11, ' ' },  [VIEW_GOOD] = { 0x7fd18b, 10, ' ' },
    [VIEW_WARN] = { 0xf0c05a, 14, ' ' },    [VIEW_BAD] = { 0xf4655f, 9, 'B' },
    [VIEW_FREE] = { 0x25415a, 4, '.' },     [VIEW_KERNEL] = { 0x5b9df5, 12, 'K' },
    [VIEW_USER] = { 0xff9e57, 14, 'U' },    [VIEW_TABLE] = { 0xc792ea, 13, 'P' },
    [VIEW_SLAB] = { 0x4fd1c5, 11, 'S' },    [VIEW_HEAP] = { 0x7fd18b, 10, 'H' },
    [VIEW_STACK] = { 0xf2d06b, 14, 'T' },   [VIEW_DMA] = { 0xff7eb6, 13, 'D' },
    [VIEW_CACHE] = { 0x94e2ff, 3, 'C' },    [VIEW_GUARD] = { 0xb0413e, 1, 'G' },
    [VIEW_DEVICE] = { 0x8a6d4b, 6, 'V' },   [VIEW_FIRMWARE] = { 0x9a5fb0, 5, 'F' },
    [VIEW_RESERVED] = { 0x5d6776, 8, 'R' }, [VIEW_TEST] = { 0xd7e37a, 2, 'E' },
    [VIEW_HOLE] = { 0x191f2a, 0, ' ' },     [VIEW_USABLE] = { 0x3f9a72, 2, '.' },
};

const struct view_colour_facts *view_colour_facts(uint8_t colour)
{
    return &facts[colour < VIEW_COLOUR_COUNT ? colour : VIEW_TEXT];
}

enum view_colour view_colour_of_ansi(unsigned ansi)
{
    static const uint8_t colours[16] = {
        VIEW_NIGHT, VIEW_BAD, VIEW_GOOD, VIEW_WARN, VIEW_KERNEL, VIEW_TABLE, VIEW_SLAB, VIEW_TEXT,
        VIEW_FAINT, VIEW_BAD, VIEW_GOOD, VIEW_WARN, VIEW_ACCENT, VIEW_TABLE, VIEW_SLAB, VIEW_BRIGHT,
    };

    return (enum view_colour)colours[ansi & 15];
}

/* Lines by the arms that they have: left 1, right 2, up 4, down 8. */
static const uint8_t lines_cp437[16] = {
    ' ', 0xc4, 0xc4, 0xc4, 0xb3, 0xd9, 0xc0, 0xc1, 0xb3, 0xbf, 0xda, 0xc2, 0xb3, 0xb4, 0xc3, 0xc5,
};

uint8_t view_glyph_cp437(uint8_t glyph)
{
    if (glyph <= GLYPH_LAST_ASCII)
        return glyph;
    if (glyph >= GLYPH_LINE && glyph < GLYPH_BAR)
        return lines_cp437[glyph - GLYPH_LINE];
    if (glyph >= GLYPH_BAR && glyph <= GLYPH_BAR + 8)
        return glyph < GLYPH_BAR + 3 ? ' ' : glyph < GLYPH_BAR + 6 ? 0xdd : 0xdb;
    switch (glyph) {
    case GLYPH_SQUARE:
        return 0xfe;
    case GLYPH_POINTER:
        return 0x1e;
    case GLYPH_DOT:
        return 0xfa;
    default: /* what has an upper half */
        return glyph < GLYPH_UPPER ? ' ' : 0xdf;
    }
}

char view_glyph_ascii(uint8_t glyph)
{
    if (glyph <= GLYPH_LAST_ASCII)
        return (char)glyph;
    if (glyph == GLYPH_HORIZONTAL)
        return '-';
    if (glyph == GLYPH_VERTICAL)
        return '|';
    if (glyph < GLYPH_BAR)
        return '+';
    if (glyph <= GLYPH_BAR + 8)
        return glyph < GLYPH_BAR + 4 ? ' ' : '=';
    return glyph == GLYPH_POINTER ? '^' : glyph == GLYPH_DOT ? '.' : '#';
}
