/* SPDX-License-Identifier: BSD-2-Clause
 *
 * menu.h - the two pages that the menu opens, each with the whole screen to itself.
 */
#ifndef MERIDIAN_EFI_MENU_H
#define MERIDIAN_EFI_MENU_H

#include "command_line.h"

/* Lets the user change the line; false where that was given up, and the line is as it was. */
bool menu_edit_line(struct command_line *line);

/* Shows text of any length, page by page, until the user has seen enough. Lines end in \n and are
 * of ASCII. */
void menu_show_text(const char *title, struct text text);

#endif
