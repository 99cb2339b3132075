/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config_file.h - what \meridian\meridian.conf says.
 *
 * UTF-8 text of lines `key: value`; a line that begins with # is a comment, an empty one means
 * nothing. Keys: kernel, sha256, cmdline, timeout, report, dump, screen, measure (once each), module
 * (repeatable) and module-sha256 (once below a module). Anything else is refused, with its line: a typing error must not boot something else than was meant.
 * docs/boot-protocol.md is its manual.
 */
#ifndef MERIDIAN_EFI_CONFIG_FILE_H
#define MERIDIAN_EFI_CONFIG_FILE_H

#include "graphics.h"
#include "refusal.h"
#include "sha256.h"
#include "text.h"

#define CONFIG_FILE_PATH        "\\meridian\\meridian.conf"
#define CONFIG_FILE_MAX_BYTES   (64u << 10)
#define CONFIG_FILE_LINE_BYTES  2048u
#define CONFIG_FILE_PATH_BYTES  255u
#define CONFIG_FILE_NAME_BYTES  63u
#define CONFIG_FILE_MAX_MODULES 32u
#define CONFIG_FILE_MAX_TIMEOUT 3600u

/* The SHA-256 that a file must have. */
struct config_hash {
    bool given;
    uint8_t digest[SHA256_BYTES];
};

struct config_module {
    struct text path;
    struct text name; /* the last part of the path unless one was given */
    struct config_hash hash;
};

struct config_file {
    struct text kernel; /* start is NULL: the embedded one */
    struct config_hash kernel_hash;
    struct text command_line;
    bool timeout_given;
    unsigned timeout_seconds;
    bool report; /* save one, then boot */
    bool dump;   /* save one, then return to the firmware */
    bool measurement_required;
    struct graphics_wish screen;
    unsigned module_count;
    struct config_module modules[CONFIG_FILE_MAX_MODULES];
};

/* Parses all of `text`, which must outlive `config`: slices point into it. On failure
 * `refusal` names the line, and `config` is undefined. */
enum status config_file_parse(struct text text, struct config_file *config,
                              struct refusal *refusal);

#endif
