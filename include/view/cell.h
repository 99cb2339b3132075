/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view/cell.h - what a place on a screen can show: a glyph in one colour on another.
 *
 * Everything that is drawn is drawn in cells, so that one drawing serves a framebuffer, VGA's text
 * mode and a terminal. Colours are names, not numbers: each painter makes of them what its device
 * can show, by the table of view_colour_facts(). Glyphs up to 0x7E are ASCII; those from 0x80 on are lines,
 * bars and tiles, which a framebuffer draws to the pixel and others replace by what they have.
 *
 * A tile cell shows two squares above each other, in ink the upper and in ground the lower one,
 * each with a border in the colour of the screen's background:
 *
 *      PAIR  ██   SMALL_UPPER  ▪    SMALL_LOWER  ██   SMALL_PAIR  ▪
 *            ██                ██                ▪                ▪
 */
#ifndef MERIDIAN_VIEW_CELL_H
#define MERIDIAN_VIEW_CELL_H

#include "lib/types.h"

enum view_colour {
    VIEW_NIGHT, /* the background of everything */
    VIEW_PANEL, /* the background of bars with text on them */
    VIEW_LINE,  /* frames and scales */
    VIEW_FAINT, /* text that may be overlooked */
    VIEW_TEXT,
    VIEW_BRIGHT, /* figures, what is chosen */
    VIEW_ACCENT, /* headings */
    VIEW_GOOD,
    VIEW_WARN,
    VIEW_BAD,
    /* What memory is used for. */
    VIEW_FREE,
    VIEW_KERNEL,
    VIEW_USER,
    VIEW_TABLE,
    VIEW_SLAB,
    VIEW_HEAP,
    VIEW_STACK,
    VIEW_DMA,
    VIEW_CACHE,
    VIEW_GUARD,
    VIEW_DEVICE,
    VIEW_FIRMWARE,
    VIEW_RESERVED,
    VIEW_TEST,
    VIEW_HOLE,   /* addresses without memory */
    VIEW_USABLE, /* of addresses: memory for the taking */
    VIEW_COLOUR_COUNT,
};

enum view_glyph {
    GLYPH_FIRST_ASCII = 0x20,
    GLYPH_LAST_ASCII = 0x7e,
    GLYPH_LINE = 0x80, /* + a sum of the arms that meet in the middle */
    GLYPH_ARM_LEFT = 1,
    GLYPH_ARM_RIGHT = 2,
    GLYPH_ARM_UP = 4,
    GLYPH_ARM_DOWN = 8,
    GLYPH_BAR = 0x90,   /* + eighths of the width, 0 to 8, from the left */
    GLYPH_UPPER = 0xa0, /* the upper half */
    GLYPH_SQUARE,       /* a square in the middle: for legends */
    GLYPH_POINTER,      /* a triangle that points up */
    GLYPH_DOT,          /* a small dot in the middle */
    GLYPH_PAIR,
    GLYPH_SMALL_UPPER,
    GLYPH_SMALL_LOWER,
    GLYPH_SMALL_PAIR,
};

#define GLYPH_HORIZONTAL (GLYPH_LINE + GLYPH_ARM_LEFT + GLYPH_ARM_RIGHT)
#define GLYPH_VERTICAL   (GLYPH_LINE + GLYPH_ARM_UP + GLYPH_ARM_DOWN)

struct view_cell {
    uint8_t glyph;  /* ASCII or enum view_glyph */
    uint8_t ink;    /* enum view_colour */
    uint8_t ground; /* enum view_colour */
    uint8_t unused; /* 0 */
};

/* What a colour is on each device. */
struct view_colour_facts {
    uint32_t rgb; /* 0xRRGGBB */
    uint8_t ansi; /* 0 to 15: SGR 30 + n, from 8 on SGR 82 + n */
    char letter;  /* where there are no colours, for what memory is used for */
};

/* Any value: what is no colour is shown as VIEW_TEXT. */
const struct view_colour_facts *view_colour_facts(uint8_t colour);

/* A colour of a terminal, 0 to 15, as one of ours. */
enum view_colour view_colour_of_ansi(unsigned ansi);

/* The nearest that others have for a glyph: in code page 437, and in ASCII. */
uint8_t view_glyph_cp437(uint8_t glyph);
char view_glyph_ascii(uint8_t glyph);

#endif
