# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel in a browser: build/web, a folder that any web server can hold. npm fetches the emulator and the
# terminal in the versions of tools/web/package-lock.json, once; the page itself fetches nothing from elsewhere.

WEB_PACKAGES := build/npm/node_modules/.package-lock.json

$(WEB_PACKAGES): tools/web/package.json tools/web/package-lock.json | need-web
	@mkdir -p build/npm; $(call say,NPM,build/npm)
	$(Q)cp tools/web/package.json tools/web/package-lock.json build/npm/
	$(Q)npm ci --prefix build/npm --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

build/web/index.html: tools/web/build.py $(wildcard tools/web/src/*) build/kernel-i386.elf $(WEB_PACKAGES)
	@$(call say,WEB,build/web)
	$(Q)$(PYTHON) tools/web/build.py build/kernel-i386.elf build/npm/node_modules build/web

.PHONY: web web-serve test-web
web: build/web/index.html ## the 32-bit kernel in a page: build/web, for any web server

web-serve: web ## show it at http://localhost:8000
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory build/web 8000

test-web: web | need-test ## drive that page in a headless Chromium
	@$(PYTHON) -m pytest -q -p no:cacheprovider tests/web
