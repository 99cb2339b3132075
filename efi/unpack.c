/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unpack.c - see unpack.h. Pure: no firmware call and no allocation, also built hosted.
 *
 *     frame  ┌───────┬───────┬──────────────┬────────┬──────┬───────┬───┬──────┬───────┬───────┐
 *            │ magic │ flags │ content size │ header │ size │ block │ … │ size │ block │ 0     │
 *            │ 4     │ 2     │ 8            │ sum 1  │ 4    │       │   │ 4    │       │ 4     │
 *            └───────┴───────┴──────────────┴────────┴──────┴───────┴───┴──────┴───────┴───────┘
 *     block    sequence, sequence, ..., a last sequence that ends after its literals
 *     sequence ┌───────┬─────────────────┬──────────┬────────┬───────────────┐
 *              │ token │ literal length… │ literals │ offset │ match length… │
 *              │ 4 + 4 │ 0 or more       │          │ 2      │ 0 or more     │
 *              └───────┴─────────────────┴──────────┴────────┴───────────────┘
 *
 * A sequence appends its literals to the content, then a match: bytes that the content had `offset`
 * bytes ago. A match may overlap what it appends, and then repeats it. The token has both lengths;
 * 15 means that bytes follow to be added, up to one that is less than 255. A match has 4 bytes
 * at least, which its length leaves out.
 *
 * LZ4 because its decoder is this small and costs some five instructions a byte: the start of the
 * machine is not to wait for it. The frame is the one that mk/loader.mk asks lz4 for: content size,
 * and no checksums, since what is inside is checked as any kernel is. Even so it is treated as if
 * somebody had damaged it on purpose: each length and offset is compared with what is left of the
 * two buffers before it is used.
 */
#include "unpack.h"

#include "lib/bits.h"
#include "lib/string.h"

#define FRAME_MAGIC        0x184d2204u
#define FRAME_HEADER_BYTES 15u
#define FRAME_SIZE_AT      6u
#define FLAG_INDEPENDENT   0x20u /* blocks: this decoder does not mind either way */
#define FLAGS_EXPECTED     0x48u /* version 1, content size; no checksums, no dictionary */
#define BLOCK_STORED       0x80000000u

#define LENGTH_MORE        15u /* in a token: bytes follow */
#define LENGTH_BYTE_MORE   255u
#define MATCH_MIN_BYTES    4u
#define WORD               sizeof(uint64_t)

/* Room that a short sequence needs: a token and two words of literals, of which an offset may be
 * part; at most 14 literals, and then three words of a match of at most 18 bytes. */
#define SHORT_IN_BYTES     17u
#define SHORT_OUT_BYTES    38u

#define ADVICE_COPY        "Copy BOOTX64.EFI again."

struct unpacker {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *start; /* of the content */
    uint8_t *out;
    uint8_t *out_end;
    struct refusal *refusal;
};

static size_t in_left(const struct unpacker *state)
{
    return (size_t)(state->in_end - state->in);
}

static size_t out_left(const struct unpacker *state)
{
    return (size_t)(state->out_end - state->out);
}

static enum status refuse_truncated(struct refusal *refusal)
{
    return refuse(refusal, STATUS_TRUNCATED, ADVICE_COPY, "its compressed form ends too early");
}

static enum status refuse_corrupt(struct refusal *refusal, const char *reason)
{
    return refuse(refusal, STATUS_CORRUPT, ADVICE_COPY, "its compressed form is damaged: %s",
                  reason);
}

static size_t read_16(const uint8_t *at)
{
    return (size_t)(at[0] | at[1] << 8);
}

static uint32_t read_32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* --- a block ----------------------------------------------------------------------------- */

/* Adds what follows a length of 15 in a token. No sum of as many bytes as an image has overflows. */
static enum status read_length(struct unpacker *state, size_t *length)
{
    uint8_t more;

    if (*length != LENGTH_MORE)
        return STATUS_OK;
    do {
        if (state->in == state->in_end)
            return refuse_truncated(state->refusal);
        more = *state->in++;
        *length += more;
    } while (more == LENGTH_BYTE_MORE);
    return STATUS_OK;
}

static enum status take_literals(struct unpacker *state, size_t length)
{
    if (length > in_left(state))
        return refuse_truncated(state->refusal);
    if (length > out_left(state))
        return refuse_corrupt(state->refusal, "literals go beyond the end of the content");
    memcpy(state->out, state->in, length);
    state->in += length;
    state->out += length;
    return STATUS_OK;
}

/* Appends what lies `offset` bytes before `out`. Where it overlaps, what is there doubles with each
 * turn, so that no copy overlaps:
 *
 *     abc|         abc|abc        abcabc|abcabc       abcabcabcabc|ab
 */
static void repeat(uint8_t *out, size_t offset, size_t length)
{
    const uint8_t *from = out - offset;

    for (; length > offset; offset *= 2) {
        memcpy(out, from, offset);
        out += offset;
        length -= offset;
    }
    memcpy(out, from, length);
}

static enum status take_match(struct unpacker *state, size_t length)
{
    size_t offset;
    enum status status;

    if (in_left(state) < sizeof(uint16_t))
        return refuse_truncated(state->refusal);
    offset = read_16(state->in);
    state->in += sizeof(uint16_t);
    status = read_length(state, &length);
    if (status != STATUS_OK)
        return status;
    length += MATCH_MIN_BYTES;
    if (offset == 0 || offset > (size_t)(state->out - state->start))
        return refuse_corrupt(state->refusal, "a match lies before the content");
    if (length > out_left(state))
        return refuse_corrupt(state->refusal, "a match goes beyond the end of the content");
    repeat(state->out, offset, length);
    state->out += length;
    return STATUS_OK;
}

/* Two words from where they are at least one word before `to`: as if byte by byte. */
static void copy_words(uint8_t *to, const uint8_t *from)
{
    __builtin_memcpy(to, from, WORD);
    __builtin_memcpy(to + WORD, from + WORD, WORD);
}

/* More than nine sequences of ten are short, and far from the ends of both buffers: more than they
 * append may then be copied, as what is too much is overwritten by the next one. Both buffers have
 * room for one at least. Stops before the first sequence that is not of this kind. This loop is
 * what the decoder costs. */
static void take_short_sequences(struct unpacker *state)
{
    const uint8_t *in = state->in;
    const uint8_t *in_last = state->in_end - SHORT_IN_BYTES;
    uint8_t *out = state->out;
    const uint8_t *out_last = state->out_end - SHORT_OUT_BYTES;

    while (in <= in_last && out <= out_last) {
        size_t literals = *in >> 4;
        size_t match = *in & LENGTH_MORE;
        uint8_t *match_out = out + literals;
        size_t offset;

        if (literals == LENGTH_MORE || match == LENGTH_MORE)
            break;
        offset = read_16(in + 1 + literals);
        if (offset < WORD || offset > (size_t)(match_out - state->start))
            break;
        copy_words(out, in + 1);
        copy_words(match_out, match_out - offset);
        __builtin_memcpy(match_out + 2 * WORD, match_out + 2 * WORD - offset, WORD);
        in += 1 + literals + sizeof(uint16_t);
        out = match_out + match + MATCH_MIN_BYTES;
    }
    state->in = in;
    state->out = out;
}

static enum status take_sequence(struct unpacker *state)
{
    uint8_t token = *state->in++;
    size_t length = token >> 4;
    enum status status = read_length(state, &length);

    if (status == STATUS_OK)
        status = take_literals(state, length);
    if (status == STATUS_OK && state->in < state->in_end)
        status = take_match(state, token & LENGTH_MORE);
    return status;
}

/* All of `state->in`, which is one block. */
static enum status unpack_block(struct unpacker *state)
{
    for (;;) {
        enum status status;

        if (in_left(state) >= SHORT_IN_BYTES && out_left(state) >= SHORT_OUT_BYTES)
            take_short_sequences(state);
        if (state->in == state->in_end)
            return STATUS_OK;
        status = take_sequence(state);
        if (status != STATUS_OK)
            return status;
    }
}

/* --- the frame --------------------------------------------------------------------------- */

enum status unpack_size(const uint8_t *packed, size_t packed_bytes, uint64_t *size_bytes,
                        struct refusal *refusal)
{
    if (packed_bytes < FRAME_HEADER_BYTES)
        return refuse_truncated(refusal);
    if (read_32(packed) != FRAME_MAGIC ||
        (packed[sizeof(uint32_t)] & ~FLAG_INDEPENDENT) != FLAGS_EXPECTED)
        return refuse_corrupt(refusal, "it does not begin as an LZ4 frame");
    memcpy(size_bytes, packed + FRAME_SIZE_AT, sizeof(*size_bytes));
    return STATUS_OK;
}

/* The block at `state->in`, which ends where its size says. */
static enum status take_block(struct unpacker *state, uint32_t head)
{
    const uint8_t *frame_end = state->in_end;
    size_t size = head & ~BLOCK_STORED;
    enum status status;

    if (size > in_left(state))
        return refuse_truncated(state->refusal);
    if ((head & BLOCK_STORED) != 0)
        return take_literals(state, size);
    state->in_end = state->in + size;
    status = unpack_block(state);
    state->in_end = frame_end;
    return status;
}

enum status unpack(const uint8_t *packed, size_t packed_bytes, uint8_t *content, size_t size_bytes,
                   struct refusal *refusal)
{
    struct unpacker state = { packed,  packed + packed_bytes, content,
                              content, content + size_bytes,  refusal };
    uint64_t promised;
    enum status status = unpack_size(packed, packed_bytes, &promised, refusal);

    if (status != STATUS_OK)
        return status;
    state.in += FRAME_HEADER_BYTES;
    for (;;) {
        uint32_t head;

        if (in_left(&state) < sizeof(head))
            return refuse_truncated(refusal);
        head = read_32(state.in);
        state.in += sizeof(head);
        if (head == 0)
            break;
        status = take_block(&state, head);
        if (status != STATUS_OK)
            return status;
    }
    if (promised != size_bytes || out_left(&state) != 0)
        return refuse_corrupt(refusal, "it holds another number of bytes than it says");
    return STATUS_OK;
}
