# SPDX-License-Identifier: BSD-2-Clause
#
# A loader for machines with Secure Boot, signed with a key of yours: docs/secure-boot.md.
#
# CONF=FILE pins the loader to a configuration first, so that the signature covers that, too (efi/pin.h).
# sbsign asks for the password of a key that has one.

SIGNED_EFI := build/signed/BOOTX64.EFI

.PHONY: sign
sign: $(LOADER_EFI) | need-sign ## BOOTX64.EFI for Secure Boot, in build/signed; KEY=FILE CERT=FILE (PEM); CONF=FILE: only with this configuration
	@test -r '$(KEY)' && test -r '$(CERT)' || { \
		echo 'make sign needs KEY=FILE and CERT=FILE, a private key and its certificate (PEM); docs/secure-boot.md makes a pair' >&2; \
		exit 1; }
	@mkdir -p $(dir $(SIGNED_EFI)); $(call say,SIGN,$(SIGNED_EFI))
	$(Q)cp $(LOADER_EFI) $(SIGNED_EFI).unsigned
	$(Q)$(if $(CONF),$(PYTHON) tools/pe.py pin --conf '$(CONF)' $(SIGNED_EFI).unsigned)
	$(Q)sbsign --key '$(KEY)' --cert '$(CERT)' --output $(SIGNED_EFI) $(SIGNED_EFI).unsigned
	$(Q)rm $(SIGNED_EFI).unsigned
