# SPDX-License-Identifier: BSD-2-Clause
#
# The viewer: one page that works without a network, made from tools/viewer/src.

VIEWER := build/viewer.html

$(VIEWER): tools/viewer/build.py $(wildcard tools/viewer/src/*) | need-build
	@$(call say,PAGE,$@)
	$(Q)$(PYTHON) tools/viewer/build.py tools/viewer/src/index.html $@

.PHONY: viewer viewer-pictures
viewer: $(VIEWER) ## the page that draws logs and reports: build/viewer.html, to be opened in a browser

viewer-pictures: $(VIEWER) | need-test ## draw the pictures of docs/viewer.md anew
	@$(PYTHON) tools/viewer/pictures.py $< tests/data/logs docs
