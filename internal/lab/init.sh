#!/bin/sh
# PID 1 of a lab guest, twice: first on the shared read-only root, then, as
# "init.sh inside", in an overlay over it, so that nothing the guest writes
# lasts but what it puts in /payload.
# The kernel's command line gives, as environment: PAYLOAD, the host's name of
# /payload; TEST, the scenario; LIMIT, its seconds; GOLIMIT, Go's own time-out.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C

overlay() {
  mount -t proc proc /proc
  echo lab >/proc/sys/kernel/hostname
  mount -t sysfs sys /sys
  modprobe overlay
  mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work /mnt/root
  mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work overlay /mnt/root || return 1
  cd /mnt/root || return 1
  mount -t proc proc proc
  mount -t sysfs sys sys
  mount -t devtmpfs dev dev
  mkdir -p dev/pts dev/shm
  mount -t tmpfs run run
  mount -t tmpfs tmp tmp
  mkdir -p run/lock run/udev payload
  # hostfs=PATH with the fsconfig-based mount(8), the bare path with the older one
  mount -t hostfs -o "hostfs=$PAYLOAD" none payload 2>/dev/null || mount -t hostfs -o "$PAYLOAD" none payload
}

# blocked lists the threads that no signal reaches, and where they sleep.
blocked() {
  for task in /proc/[0-9]*/task/[0-9]*; do
    state=$(sed 's/.*) //;s/ .*//' "$task/stat" 2>/dev/null)
    [ "$state" = D ] || continue
    echo "## $task $(cat "$task/comm") ($(tr '\0' ' ' <"$task/cmdline"))"
    cat "$task/stack"
  done 2>/dev/null
}

# report says all that a person wants to know about a guest that failed.
report() {
  echo "# threads that wait uninterruptibly"; blocked
  echo "# ps"; ps -eo pid,ppid,stat,wchan:32,args | grep -v ' \[.*\]$'
  for c in "dmsetup table" "dmsetup status" "dmsetup info -c" "multipathd show topology" "multipathd show paths" lsscsi "iscsiadm -m session -P 1" \
    "ls -l /dev/disk/by-id" "cat /proc/swaps /proc/mounts" "dmesg -T"; do
    echo "# $c"; timeout -k 1 6 $c 2>&1 | tail -n 200
  done
}

# ours lists blocked threads of the payload's own programs: a bug, or a fault
# that the scenario left in place.
ours() {
  for p in /proc/[0-9]*; do
    case $(readlink "$p/exe") in /payload/*) ;; *) continue ;; esac
    grep -q '^State:.*D' "$p"/task/*/status 2>/dev/null && echo "$(cat "$p/comm") $(cat "$p/wchan")"
  done 2>/dev/null
}

inside() {
  ip link set lo up
  mount -t devpts devpts /dev/pts
  /lib/systemd/systemd-udevd --daemon >/dev/null 2>&1
  dmesg -C # what the report shows is the scenario's own
  (sleep "$LIMIT"; report >/payload/report 2>&1) &
  mkdir -p /tmp/work && cd /tmp/work
  /payload/scenario.test -test.run "^$TEST\$" -test.v -test.timeout "${GOLIMIT}s" >/payload/output 2>&1
  code=$?
  [ $code = 0 ] || report >/payload/report 2>&1
  ours >/payload/stuck
  echo $code >/payload/rc
  echo o >/proc/sysrq-trigger
  sleep 100
}

case $1 in
inside) inside ;;
*) overlay && exec chroot . /bin/sh /payload/init.sh inside; echo "lab: no overlay over the guest root" ;;
esac
