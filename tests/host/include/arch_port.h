/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arch_port.h - the I/O ports of the hosted build: whatever devices a test plugs in.
 *
 * A port that no device answers reads all ones and swallows what is written, as on a PC.
 */
#ifndef MERIDIAN_HOST_ARCH_PORT_H
#define MERIDIAN_HOST_ARCH_PORT_H

/* A device; `context` is its own. */
struct host_ports {
    uint16_t first;
    uint16_t count;
    uint8_t (*read)(void *context, uint16_t offset);
    void (*write)(void *context, uint16_t offset, uint8_t value);
    void *context;
    struct host_ports *next;
};

/* Plugs a device in; unplugs all of them. */
void host_ports_add(struct host_ports *device);
void host_ports_clear(void);

uint8_t arch_port_read8(uint16_t port);
void arch_port_write8(uint16_t port, uint8_t value);

#endif
