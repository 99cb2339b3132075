# SPDX-License-Identifier: BSD-2-Clause
#
# A loader for machines with Secure Boot, signed with a key of yours: docs/secure-boot.md.
#
# The key is asked for its password by sbsign, where it has one. Nothing is signed unless asked for.

SIGNED_EFI := build/signed/BOOTX64.EFI

.PHONY: sign
sign: $(LOADER_EFI) | need-sign ## BOOTX64.EFI for Secure Boot, in build/signed; KEY=FILE CERT=FILE (PEM)
	@test -r '$(KEY)' && test -r '$(CERT)' || { \
		echo 'make sign needs KEY=FILE and CERT=FILE, a private key and its certificate (PEM); docs/secure-boot.md makes a pair' >&2; \
		exit 1; }
	@mkdir -p $(dir $(SIGNED_EFI)); $(call say,SIGN,$(SIGNED_EFI))
	$(Q)sbsign --key '$(KEY)' --cert '$(CERT)' --output $(SIGNED_EFI).new $(LOADER_EFI)
	$(Q)mv $(SIGNED_EFI).new $(SIGNED_EFI)
