#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make_image.sh ESP_FOLDER IMAGE - a GPT disk whose EFI system partition holds the folder.
#
# The same folder gives the same bytes: identifiers are fixed, times are SOURCE_DATE_EPOCH, names
# are copied in sorted order. Written beside IMAGE and moved in place, so that a run that is
# interrupted leaves nothing half done.
set -euo pipefail
export LC_ALL=C TZ=UTC MTOOLS_SKIP_CHECK=1 PATH=$PATH:/usr/sbin:/sbin

esp=$1 image=$2
disk_mib=64 start_sector=2048 sector_bytes=512
disk_guid=4D455249-4449-414E-0000-000000000001
partition_guid=4D455249-4449-414E-0000-000000000002
volume_id=4D455249

new=$image.new
trap 'rm -f "$new"' EXIT

# The partition ends 1 MiB before the disk, where the second table is.
end_sector=$(((disk_mib - 1) * 1024 * 1024 / sector_bytes - 1))
rm -f "$new"
truncate -s "${disk_mib}M" "$new"
sgdisk --clear --disk-guid=$disk_guid --new=1:$start_sector:$end_sector --typecode=1:EF00 \
    --change-name=1:'Meridian ESP' --partition-guid=1:$partition_guid "$new" >/dev/null

volume=$new@@$((start_sector * sector_bytes))
mformat -i "$volume" -F -c 1 -h 255 -s 63 -H $start_sector -T $((end_sector - start_sector + 1)) \
    -N $volume_id -v MERIDIAN ::

# mtools writes the clock's time into new entries; it believes SOURCE_DATE_EPOCH.
(cd "$esp" && find . -mindepth 1 -type d | sort) | while read -r folder; do
    mmd -i "$volume" "::${folder#.}"
done
(cd "$esp" && find . -type f | sort) | while read -r file; do
    touch -d "@$SOURCE_DATE_EPOCH" "$esp/$file"
    mcopy -m -i "$volume" "$esp/$file" "::${file#.}"
done
mv "$new" "$image"
