# SPDX-License-Identifier: BSD-2-Clause
#
# What goes on a stick. build/esp/ is the tree to copy onto any FAT volume, for UEFI; build/stick/ is the same
# with what a BIOS needs, GRUB's menu and the 32-bit kernel. Of these come the images:
#
#   build/meridian.img   a GPT disk                                  tools/meridian_disk.py
#   build/meridian.iso   a disc, and a stick when written to one     tools/meridian_iso.py
#
# Each starts under UEFI and under a BIOS, and has the same bytes at every build.

ESP_PRODUCTS  := $(if $(LOADER_PRODUCTS),build/esp.stamp)
DISK_PRODUCTS := $(if $(LOADER_PRODUCTS),build/esp.stamp build/meridian.img build/meridian.iso)
ESP_SOURCES   := $(sort $(shell find esp -type f 2>/dev/null))
BIOS_SOURCES  := $(sort $(shell find bios -type f 2>/dev/null))
IMAGE_TOOLS   := tools/meridian_disk.py tools/meridian_iso.py tools/meridian_grub.py

.PHONY: disk image iso
disk: $(DISK_PRODUCTS) ## the staged EFI system partition and the images
image: build/meridian.img ## a disk image to write to a stick: starts under UEFI and, through GRUB, under a BIOS
iso: build/meridian.iso ## the same as a disc, which may be written to a stick, too

IMAGE := build/meridian.img# what make usb writes
.PHONY: usb
usb: $(IMAGE) ## write the image to a stick, after asking: DEV=/dev/sdX; without DEV, list the sticks; IMAGE=build/meridian.iso
	@$(PYTHON) tools/meridian_usb.py $< $(DEV)

build/esp.stamp: $(LOADER_EFI) $(ESP_SOURCES) $(MAKE_SOURCES)
	@$(call say,STAGE,build/esp)
	$(Q)rm -rf build/esp && mkdir -p build/esp/EFI/BOOT
	$(Q)cp $(LOADER_EFI) build/esp/EFI/BOOT/BOOTX64.EFI
	$(Q)cp -r esp/. build/esp/
	$(Q)touch $@

build/stick.stamp: build/esp.stamp build/kernel-i386.elf $(BIOS_SOURCES)
	@$(call say,STAGE,build/stick)
	$(Q)rm -rf build/stick && mkdir -p build/stick
	$(Q)cp -r build/esp/. bios/. build/stick/
	$(Q)cp build/kernel-i386.elf build/stick/meridian/
	$(Q)touch $@

build/meridian.img: build/stick.stamp $(IMAGE_TOOLS) | need-image
	@$(call say,IMAGE,$@)
	$(Q)$(PYTHON) tools/meridian_disk.py --grub build/stick $@

build/meridian.iso: build/stick.stamp $(IMAGE_TOOLS) | need-image
	@$(call say,IMAGE,$@)
	$(Q)$(PYTHON) tools/meridian_iso.py build/stick $@ --esp build/esp
