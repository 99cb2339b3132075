# SPDX-License-Identifier: BSD-2-Clause
#
# Proofs: the contracts in the sources, by Frama-C WP with Z3 and CVC4 (docs/proofs.md). What they found before is
# kept in build/proof, by goal, so that only what changed is proven anew.

.PHONY: proof
proof: | need-proof ## prove the contracts in the sources; FILES="..." only those, UPDATE=1 writes the list of what is proven
	@$(PYTHON) tests/proof/prove.py $(if $(UPDATE),--update) $(FILES)
