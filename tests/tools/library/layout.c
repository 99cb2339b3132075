/* SPDX-License-Identifier: BSD-2-Clause
 *
 * layout.c - sizes and offsets of the handoff, to be compared between languages and widths.
 */
#include <meridian/boot/efi_memory.h>
#include <meridian/boot/handoff.h>

extern const unsigned layout[];
const unsigned layout[] = {
    sizeof(struct handoff),
    sizeof(struct handoff_record),
    sizeof(struct region),
    sizeof(struct e820_entry),
    sizeof(struct efi_memory_descriptor),
    offsetof(struct handoff_regions, regions),
    offsetof(struct handoff_firmware_map, map),
    offsetof(struct handoff_changes, changes),
    sizeof(struct handoff_framebuffer),
    offsetof(struct handoff_module, name),
};
