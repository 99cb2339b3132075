/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pci_private.h - registers of configuration space that several files read.
 */
#ifndef MERIDIAN_DEV_PCI_PRIVATE_H
#define MERIDIAN_DEV_PCI_PRIVATE_H

#include "dev/pci.h"

#define PCI_REGISTER_ID      0x00u
#define PCI_REGISTER_COMMAND 0x04u /* 16 bits; the status above it clears bits that are written */
#define PCI_REGISTER_CLASS   0x08u
#define PCI_REGISTER_HEADER  0x0cu
#define PCI_REGISTER_BUSES   0x18u

#define PCI_COMMAND_IO       1u
#define PCI_COMMAND_MEMORY   2u

#define PCI_HEADER_DEVICE    0u
#define PCI_HEADER_BRIDGE    1u
#define PCI_HEADER_CARDBUS   2u

#define PCI_NOTHING          0xffffffffu

/* Fills in the function's ranges; place, class and header type are set. Writes to its registers. */
void pci_read_ranges(const struct pci_config *config, struct pci_function *function);

#endif
