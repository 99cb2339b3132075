/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_layout.h - the loader lays out the address space of an x86-64 kernel: one drawing, one set
 * of constants, the kernel's own.
 */
#ifndef MERIDIAN_EFI_ARCH_LAYOUT_H
#define MERIDIAN_EFI_ARCH_LAYOUT_H

#include "lib/types.h"

#include "../../kernel/arch/x86_64/include/arch_layout.h"

#endif
