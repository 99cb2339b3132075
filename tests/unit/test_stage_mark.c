/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_stage_mark.c - properties of the mark of boot/stage.h, painted into memory.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/stage.h"
#include "lib/types.h"

#define WIDTH        200u
#define HEIGHT       600u
#define STRIDE_BYTES (WIDTH * 4 + 12) /* a multiple of four, and no more */
#define SCALE        2u               /* of 600 lines */
#define MARK_WIDTH   (13 * SCALE)
#define MARK_HEIGHT  (7 * SCALE)
#define UNTOUCHED    0x5au
#define WHITE        0x00ffffffu

static const enum stage stages[] = {
    STAGE_LOADER_START, STAGE_CONFIGURATION, STAGE_LOOK_AROUND,  STAGE_MENU,
    STAGE_REPORT,       STAGE_LOADER_WORDS,  STAGE_KERNEL_FILE,  STAGE_MODULES,
    STAGE_SURVEY,       STAGE_ARENA,         STAGE_SPACE,        STAGE_HANDOFF,
    STAGE_LEAVE,        STAGE_JUMP,          STAGE_MULTIBOOT,    STAGE_PROBE,
    STAGE_TABLES,       STAGE_TURN,          STAGE_ADOPT,        STAGE_WORDS,
    STAGE_MAP,          STAGE_BUMP,          STAGE_FRAMES,       STAGE_PAGING,
    STAGE_AREAS,        STAGE_NODES,         STAGE_STACKS,       STAGE_HEAP,
    STAGE_PROCESSORS,   STAGE_DEVICES,       STAGE_RECLAIM,      STAGE_SCREEN,
    STAGE_TICKS,        STAGE_PROMPT,        STAGE_KERNEL_START,
};

static const struct handoff_framebuffer facts = { .width_pixels = WIDTH,
                                                  .height_pixels = HEIGHT,
                                                  .stride_bytes = STRIDE_BYTES,
                                                  .size_bytes = (uint64_t)STRIDE_BYTES * HEIGHT,
                                                  .bits_per_pixel = 32,
                                                  .red_mask = 0xff0000,
                                                  .green_mask = 0x00ff00,
                                                  .blue_mask = 0x0000ff };

static int make_screen(void **state)
{
    *state = malloc(facts.size_bytes);
    memset(*state, UNTOUCHED, facts.size_bytes);
    return *state == NULL;
}

static int free_screen(void **state)
{
    free(*state);
    return 0;
}

static uint32_t pixel_at(const void *screen, unsigned x, unsigned y)
{
    uint32_t pixel;

    memcpy(&pixel, (const char *)screen + (size_t)y * STRIDE_BYTES + x * sizeof(pixel),
           sizeof(pixel));
    return pixel;
}

static bool is_in_corner(unsigned x, unsigned y)
{
    return x >= WIDTH - MARK_WIDTH && y < MARK_HEIGHT;
}

/* Every pixel of the corner is black or white, and no byte elsewhere is touched. */
static void test_only_the_corner(void **state)
{
    const unsigned char *bytes = *state;
    struct stage_mark mark;

    stage_mark_open(&mark, &facts, *state);
    for (size_t i = 0; i < ARRAY_COUNT(stages); i++)
        stage_mark_paint(&mark, stages[i]);
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++) {
            uint32_t pixel = pixel_at(*state, x, y);

            assert_true(is_in_corner(x, y) ? pixel == 0 || pixel == WHITE : pixel == 0x5a5a5a5au);
        }
        for (unsigned byte = WIDTH * 4; byte < STRIDE_BYTES; byte++)
            assert_int_equal(bytes[(size_t)y * STRIDE_BYTES + byte], UNTOUCHED);
    }
}

/* No two stages look alike, and each looks the same whatever was painted before. */
static void test_stages_differ(void **state)
{
    static unsigned char pictures[ARRAY_COUNT(stages)][MARK_WIDTH * MARK_HEIGHT * 4];
    struct stage_mark mark;

    for (unsigned round = 0; round < 2; round++) {
        stage_mark_open(&mark, &facts, *state);
        for (size_t n = 0; n < ARRAY_COUNT(stages); n++) {
            size_t i = round == 0 ? n : ARRAY_COUNT(stages) - 1 - n;
            unsigned char seen[sizeof(pictures[0])];

            stage_mark_paint(&mark, stages[i]);
            for (unsigned y = 0; y < MARK_HEIGHT; y++)
                memcpy(seen + (size_t)y * MARK_WIDTH * 4,
                       (char *)*state + (size_t)y * STRIDE_BYTES + (WIDTH - MARK_WIDTH) * 4,
                       MARK_WIDTH * 4);
            if (round == 0)
                memcpy(pictures[i], seen, sizeof(seen));
            assert_memory_equal(pictures[i], seen, sizeof(seen));
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(stages); i++)
        for (size_t j = i + 1; j < ARRAY_COUNT(stages); j++)
            assert_memory_not_equal(pictures[i], pictures[j], sizeof(pictures[i]));
}

/* Codes are two decimal digits, the loader's begin with L and the kernel's with K. */
static void test_names(void **state)
{
    char name[STAGE_NAME_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
        stage_name(stages[i], name);
        assert_int_equal(strtoul(name + 1, NULL, 16), stages[i]);
        assert_int_equal(strspn(name + 1, "0123456789"), 2);
        assert_int_equal(name[0], stages[i] <= STAGE_JUMP ? 'L' : 'K');
    }
}

/* A screen without pixels, with other pixels, or too small for a mark, gets none. */
static void test_screens_that_get_none(void **state)
{
    struct handoff_framebuffer other[] = { facts, facts, facts, facts };
    struct stage_mark mark;

    other[0].bits_per_pixel = 24;
    other[1].width_pixels = MARK_WIDTH - 1;
    other[2].height_pixels = MARK_HEIGHT - 1;
    for (size_t i = 0; i < ARRAY_COUNT(other); i++) {
        stage_mark_open(&mark, &other[i], i == 3 ? NULL : *state);
        stage_mark_paint(&mark, STAGE_LOADER_START);
    }
    for (size_t i = 0; i < facts.size_bytes; i++)
        assert_int_equal(((unsigned char *)*state)[i], UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_the_corner, make_screen, free_screen),
        cmocka_unit_test_setup_teardown(test_stages_differ, make_screen, free_screen),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_screens_that_get_none, make_screen, free_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
