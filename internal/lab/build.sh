#!/bin/bash
# Builds the parts of the lab that are missing under DEST: a User-Mode Linux
# kernel (it needs no KVM and runs at native speed) and one Debian guest root
# for each SUITE, with the real multipathd, udev, LVM and iSCSI initiator.
#   usage: build.sh DEST STAMP PACKAGES [kernel|SUITE]...
# Each part is built beside its place and moved there when it is whole; STAMP
# goes into its .ready file. Needs root and Debian's mmdebstrap.
set -euo pipefail
dest=$1 stamp=$2 packages=$3
shift 3
command -v mmdebstrap >/dev/null || {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
}
bootstrap() { mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' "$@"; }

# UML before 7.x cannot save the FPU state of processors with AVX-512 or AMX; sid's can.
kernel() {
  bootstrap --variant=extract --include=user-mode-linux sid "$1"
  for d in bin lib lib64 sbin; do [ -e "$1/$d" ] || ln -s "usr/$d" "$1/$d"; done
  mkdir -p "$1"/{proc,dev,tmp,root,lab}
}

guest() {
  local release
  release=$(ls "$dest/kernel/usr/lib/uml/modules")
  bootstrap --variant=minbase --include="$packages" "$2" "$1"
  mkdir -p "$1/lib/modules" "$1/payload"
  cp -a "$dest/kernel/usr/lib/uml/modules/$release" "$1/lib/modules/"
  chroot "$1" depmod "$release"
}

for part; do
  if [ "$part" = kernel ]; then place=$dest/kernel; else place=$dest/guest-$part; fi
  rm -rf "$place.new"
  if [ "$part" = kernel ]; then kernel "$place.new"; else guest "$place.new" "$part"; fi
  printf '%s\n' "$stamp" >"$place.new/.ready"
  rm -rf "$place"
  mv "$place.new" "$place"
done
