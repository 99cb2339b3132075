# SPDX-License-Identifier: BSD-2-Clause
#
# What is given to others: build/dist, and the same packed as build/meridian-dist.tar.gz. The files, their
# order, times, owners and modes are the same at every build. SHA256SUMS lies in front of all the others:
# sha256sum --check --quiet SHA256SUMS.

DIST          := build/meridian-dist.tar.gz
DIST_PRODUCTS := $(LOADER_EFI) build/kernel-x86_64.elf build/kernel-i386.elf build/meridian.img build/meridian.iso $(VIEWER)
DIST_LIBRARY  := $(LIBRARY_FILES) $(LIBRARY_STAGED)
DIST_TEXTS    := LICENSE README.md CHANGELOG.md CONTRIBUTING.md $(sort $(shell find docs -type f 2>/dev/null))

$(DIST): $(DIST_PRODUCTS) $(DIST_LIBRARY) $(DIST_TEXTS) $(MAKE_SOURCES)
	@$(call say,DIST,$@)
	$(Q)rm -rf build/dist && mkdir -p build/dist/lib
	$(Q)cp $(DIST_PRODUCTS) build/dist/ && cp $(LIBRARY_FILES) build/dist/lib/
	$(Q)cp --parents $(DIST_TEXTS) build/dist/ && cd build && cp --parents $(LIBRARY_STAGED:build/%=%) dist/
	$(Q)cd build/dist && find * -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > ../SHA256SUMS && mv ../SHA256SUMS .
	$(Q)tar --create --directory=build --format=ustar --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 \
		--numeric-owner --mode=u+rw,go+r,go-w,a+X --transform='s/^dist/meridian/' dist | gzip --no-name > $@

.PHONY: dist
dist: $(DIST) ## what is given to others, in build/dist and packed: loader, kernels, images, the library and its headers, docs, SHA256SUMS
