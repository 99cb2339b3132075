/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_port.c - finds the device that answers a port.
 */
#include "arch/port.h"

static struct host_ports *devices;

void host_ports_add(struct host_ports *device)
{
    device->next = devices;
    devices = device;
}

void host_ports_clear(void)
{
    devices = NULL;
}

static struct host_ports *device_of(uint16_t port)
{
    for (struct host_ports *device = devices; device != NULL; device = device->next) {
        if (port >= device->first && port - device->first < device->count)
            return device;
    }
    return NULL;
}

uint8_t arch_port_read8(uint16_t port)
{
    struct host_ports *device = device_of(port);

    return device != NULL ? device->read(device->context, (uint16_t)(port - device->first)) : 0xff;
}

void arch_port_write8(uint16_t port, uint8_t value)
{
    struct host_ports *device = device_of(port);

    if (device != NULL)
        device->write(device->context, (uint16_t)(port - device->first), value);
}
