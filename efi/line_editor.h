/* SPDX-License-Identifier: BSD-2-Clause
 *
 * line_editor.h - a line of text under the keys of a keyboard.
 *
 * Text is UTF-8, since the configuration's is; what is typed is ASCII, as on a kernel's command line.
 * The cursor never stands within a character.
 */
#ifndef MERIDIAN_EFI_LINE_EDITOR_H
#define MERIDIAN_EFI_LINE_EDITOR_H

#include "command_line.h"

struct line_editor {
    size_t length;
    size_t cursor; /* bytes before it */
    char text[COMMAND_LINE_BYTES];
};

enum line_editor_verdict {
    LINE_EDITOR_CHANGED, /* text or cursor */
    LINE_EDITOR_IGNORED, /* a key that means nothing here, or for which there is no room */
    LINE_EDITOR_DONE,
    LINE_EDITOR_CANCELLED,
};

/* Begins with a copy of `text`, cut to what fits, and the cursor behind it. */
void line_editor_start(struct line_editor *editor, struct text text);

/* One key: a scan code, or a character where that is 0 (UEFI 2.10, 12.3 and appendix B). */
enum line_editor_verdict line_editor_key(struct line_editor *editor, uint16_t scan_code,
                                         uint16_t character);

#endif
