# SPDX-License-Identifier: BSD-2-Clause
#
# What goes on a stick: build/esp/ is the tree to copy onto any FAT volume, build/meridian.img a GPT
# disk with that tree in an EFI system partition, the same bytes at every build.

DISK_PRODUCTS := $(if $(LOADER_PRODUCTS),build/esp.stamp build/meridian.img)
ESP_SOURCES   := $(sort $(shell find esp -type f 2>/dev/null))

.PHONY: disk
disk: $(DISK_PRODUCTS) ## the staged EFI system partition and the disk image

build/esp.stamp: $(LOADER_EFI) $(ESP_SOURCES) $(MAKE_SOURCES)
	@$(call say,STAGE,build/esp)
	$(Q)rm -rf build/esp && mkdir -p build/esp/EFI/BOOT
	$(Q)cp $(LOADER_EFI) build/esp/EFI/BOOT/BOOTX64.EFI
	$(Q)cp -r esp/. build/esp/
	$(Q)touch $@

build/meridian.img: build/esp.stamp tools/meridian_disk.py | need-build
	@$(call say,IMAGE,$@)
	$(Q)$(PYTHON) tools/meridian_disk.py build/esp $@
