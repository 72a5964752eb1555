#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc doctor: whatever it can find is brought about here, in name spaces that
# go with this test. It says so, says what helps, ends with 1 if anything is
# bad, and changes nothing, which includes that it starts no broker.
if [ "${1-}" != inside ]; then
	for unshare_self in "unshare -m -i -p -f --mount-proc" \
		"unshare -r -m -i -p -f --mount-proc"; do
		# shellcheck disable=SC2086 # words are meant
		$unshare_self mount -t tmpfs shmipc-test /dev/shm 2>/dev/null ||
			continue
		# shellcheck disable=SC2093 # the first that works
		exec $unshare_self sh "$0" inside
	done
	echo "tool-doctor.sh: no name spaces of its own: not tried"
	exit 77
fi
set -u
tool=tools/shmipc
unset SHMIPC_BACKEND SHMIPC_RUNTIME_DIR SHMIPC_DEBUG NO_COLOR
SHMIPC_BROKER_IDLE_MS=86400000 # they go with the pid name space
export SHMIPC_BROKER_IDLE_MS
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mount -t tmpfs -o size=256M,mode=1777 shmipc-test /dev/shm || exit 1
failed=0
checked=0

complain() {
	echo "tool-doctor.sh: $*" >&2
	failed=1
}

# The broker's program must be one that this test can replace.
memfd=
unset SHMIPC_BROKER
if [ -x shmipc-broker ]; then
	memfd=memfd
	cp shmipc-broker "$tmp/broker" || exit 1
	export SHMIPC_BROKER="$tmp/broker"
fi

# All objects and files, without the time and process of the last access.
look() {
	ls -lanR /dev/shm 2>/dev/null
	awk '{ print $1, $2 }' /proc/sysvipc/shm /proc/sysvipc/sem 2>/dev/null
}

# Each line that is not ok, and no other, is followed by what helps.
shape='
/^(ok  |warn|bad ) +[^ ]/ { if (wanted) exit 1
	wanted = $1 != "ok"; next }
/^      remedy: ./ { if (!wanted) exit 1; wanted = 0; next }
/^$/ { exit wanted }
{ exit 1 }
'

# doctor [COMMAND...]: run it by this command; what it says goes to $tmp/out.
doctor() {
	before=$(look)
	status=0
	"$@" $tool doctor >"$tmp/out" 2>"$tmp/err" || status=$?
	[ -s "$tmp/err" ] && complain "on stderr: $(cat "$tmp/err")"
	wanted=0
	grep -q '^bad ' "$tmp/out" && wanted=1
	[ $status -eq $wanted ] ||
		complain "exit status $status of: $* $(cat "$tmp/out")"
	awk "$shape" "$tmp/out" || complain "odd lines: $(cat "$tmp/out")"
	[ "$(look)" = "$before" ] || complain "it has changed something"
}

# says STATE CHECK WORDS [REMEDY]: a line of it, and the one below.
says() {
	checked=$((checked + 1))
	awk -v state="$1" -v check="$2" -v words="$3" -v remedy="${4-}" '
		found && index($0, "remedy: ") && index($0, remedy) { ok = 1 }
		{ found = 0 }
		$1 == state && index(substr($0, 7), check "  ") == 1 &&
			index($0, words) { found = 1; ok = ok || !remedy }
		END { exit !ok }' "$tmp/out" && return
	complain "not said: $1 $2 $3 ${4-}"
	grep -A1 -e "$2" "$tmp/out" >&2
}

not_tried() {
	echo "tool-doctor.sh: $*: not tried"
}

sysctl() {
	[ -w "/proc/sys/$1" ] && echo "$2" 2>/dev/null >"/proc/sys/$1" && return
	not_tried "$1=$2"
	return 1
}


echo "== nothing is wrong"
doctor
for check in kernel /proc backends /dev/shm kernel.shmmax kernel.shmall \
	kernel.shmmni "kernel.sem SEMMSL" "kernel.sem SEMMNI" \
	"kernel.sem SEMMNS" garbage; do
	says ok "$check" ""
done
says ok SHMIPC_BACKEND "posix is used"
if [ "$memfd" ]; then
	says ok "broker directory" "is created on demand"
	says ok broker "not running"
fi
grep -q '^bad ' "$tmp/out" && complain "bad: $(cat "$tmp/out")"

echo "== the environment"
doctor env SHMIPC_DEBUG=2
says bad SHMIPC_DEBUG '"2"' "unset SHMIPC_DEBUG"
says ok garbage "none on posix"
doctor env SHMIPC_BACKEND=memfdd
says bad SHMIPC_BACKEND 'memfdd' "shmipc backends"
doctor env SHMIPC_BACKEND=^posix
says ok SHMIPC_BACKEND "^posix: sysv is used"
doctor env SHMIPC_RUNTIME_DIR=run
says bad SHMIPC_RUNTIME_DIR '"run" is not' "absolute"
doctor env SHMIPC_BROKER="$tmp"
says bad SHMIPC_BROKER "$tmp is not" "unset"
for ms in 0 86400001 1s; do
	doctor env SHMIPC_BROKER_IDLE_MS=$ms
	says bad SHMIPC_BROKER_IDLE_MS "\"$ms\"" "unset"
done
doctor env SHMIPC_BACKEDN=sysv
says warn environment "SHMIPC_BACKEDN" "spelling"

echo "== System V limits"
if sysctl kernel/shmmni 10; then
	doctor
	says warn kernel.shmmni "0 of 10" "kernel.shmmni=148"
	for i in $(seq 10); do
		$tool create --backend sysv --size 1M "m$i" ||
			complain "no m$i"
	done
	doctor
	says bad kernel.shmmni "10 of 10" "kernel.shmmni=148"
	sysctl kernel/shmmni 12 # 83 %
	doctor
	says warn kernel.shmmni "10 of 12" "kernel.shmmni=152"
	sysctl kernel/shmmni 4096
	doctor
	says ok kernel.shmmni "10 of 4096"
	pages=$(awk -v page="$(getconf PAGESIZE)" 'NR > 1 {
		sum += int(($4 + page - 1) / page) } END { print sum }' \
		/proc/sysvipc/shm)
	sysctl kernel/shmall "$pages"
	doctor
	says bad kernel.shmall "together use" "kernel.shmall="
	sysctl kernel/shmall $((pages * 100 / 80))
	doctor
	says warn kernel.shmall "together use" "kernel.shmall="
	sysctl kernel/shmall $((pages * 100))
	doctor
	says ok kernel.shmall "together use"
	$tool rm --backend sysv $(seq -f m%g 10) || complain "rm failed"
fi
if sysctl kernel/shmmax 1048575; then
	doctor
	says bad kernel.shmmax "1023K" "kernel.shmmax="
	sysctl kernel/shmmax 67108863
	doctor
	says warn kernel.shmmax "63M" "kernel.shmmax="
	sysctl kernel/shmmax 67108864
	doctor
	says ok kernel.shmmax "64M"
fi
if sysctl kernel/sem "1 32000 500 4"; then
	doctor
	says warn "kernel.sem SEMMSL" "at most 1, but sysv needs 2" \
		"kernel.sem='250 32000 500 4'"
	says warn "kernel.sem SEMMNI" "0 of 4" \
		"kernel.sem='250 32000 500 136'"
fi
if sysctl kernel/sem "250 4000 32 4"; then
	doctor
	says warn "kernel.sem SEMMNI" "0 of 4" "kernel.sem='250 4000 32 136'"
	says ok "kernel.sem SEMMNS" "0 of 4000"
	for i in 1 2 3 4; do
		$tool sem create --backend sysv "m$i" || complain "no m$i"
	done
	doctor
	says bad "kernel.sem SEMMNI" "4 of 4" "kernel.sem='250 4000 32 136'"
	sysctl kernel/sem "250 4 32 4000"
	doctor
	says ok "kernel.sem SEMMNI" "4 of 4000"
	all=$(awk 'NR > 1 { n += $4 } END { print n }' /proc/sysvipc/sem)
	says bad "kernel.sem SEMMNS" "$all of 4 kernel" \
		"kernel.sem='250 32004 32 4000'"
	$tool rm --backend sysv m1 m2 m3 m4 || complain "rm failed"
fi

echo "== /dev/shm"
# room OPTIONS BYTES: another /dev/shm, of which so much is used.
room() {
	mount -t tmpfs -o "$1" shmipc-test /dev/shm || complain "no $1"
	[ "$2" = 0 ] || head -c "$2" /dev/zero >/dev/shm/large
	doctor
	umount /dev/shm
}
room size=64M,mode=1777 0
says warn /dev/shm "64M, 64M free" "--shm-size"
room size=65M,mode=1777 0
says ok /dev/shm "65M, 65M free"
room size=65M,mode=1777 60M
says warn /dev/shm "5M free: it is nearly full" "shmipc ls"
room size=65M,mode=1777 65541K
says bad /dev/shm "free: it is full" "shmipc ls"
room size=256M,nr_inodes=5,mode=1777 0
says ok /dev/shm "256M"
says bad /dev/shm "inodes are free" "nr_inodes"
room size=256M,ro 0
says bad /dev/shm "read-only" "remount,rw"
room size=256M,mode=777 0
says warn /dev/shm "mode 0777" "chmod 1777"
says ok /dev/shm "256M"
mount -t ramfs shmipc-test /dev/shm
doctor
says ok /dev/shm "no limit"
umount /dev/shm
mount -t mqueue shmipc-test /dev/shm
doctor
says bad /dev/shm "not a tmpfs" "mount -t tmpfs"
says bad backends "posix does not work, but is selected" "SHMIPC_BACKEND"
doctor env SHMIPC_BACKEND=sysv
says warn backends "posix does not work" "SHMIPC_BACKEND"
umount /dev/shm
mkdir "$tmp/dev" && : >"$tmp/dev/null"
mount --bind /dev/null "$tmp/dev/null" && mount --rbind "$tmp/dev" /dev
doctor
says bad /dev/shm "No such file" "mkdir /dev/shm"
umount -l /dev
umount "$tmp/dev/null"

echo "== a control group's memory"
# The one that we are in, of the tree that has memory.
group=$(awk -F: '$2 == "memory" { print "/sys/fs/cgroup/memory" $3; exit }
	$2 == "" { g = "/sys/fs/cgroup" $3 } END { if (g) print g }' \
	/proc/self/cgroup | head -n 1)
group=$group/shmipc-test-$$
limit=memory.max
[ -e /sys/fs/cgroup/memory ] && limit=memory.limit_in_bytes
in_group() {
	# shellcheck disable=SC2016 # for the other shell
	sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$group/below" "$@"
}
if mkdir "$group" 2>/dev/null; then
	if mkdir "$group/below" 2>/dev/null &&
		echo 60M 2>/dev/null >"$group/$limit"; then
		doctor in_group
		says warn "memory limit" "60M, " "raise the limit"
		says warn "memory limit" "$group)" "raise the limit"
		echo 1G >"$group/$limit"
		echo 512M >"$group/below/$limit"
		doctor in_group
		says ok "memory limit" "512M, "
		says ok "memory limit" "$group/below)"
	else
		not_tried "no memory limits below $group"
	fi
	rmdir "$group/below" "$group"
else
	not_tried "$group cannot be made"
fi

echo "== RemoveIPC"
user="unshare -U --map-user=65534" # nobody: no system user
mount -t tmpfs shmipc-test /run
for place in /etc/systemd /usr/lib/systemd /usr/local/lib/systemd; do
	[ ! -d $place ] || mount -t tmpfs shmipc-test $place
done
doctor
says ok RemoveIPC "is not running"
mkdir -p /run/systemd/seats /run/systemd/logind.conf.d
doctor
# shellcheck disable=SC2086 # words are meant
if $user true 2>/dev/null; then
	doctor $user
	says warn RemoveIPC "yes (the default)" "RemoveIPC=no"
	conf=/run/systemd/logind.conf
	printf '[Other]\nRemoveIPC=no\n[Login]\n#RemoveIPC=no\n' >$conf
	doctor $user
	says warn RemoveIPC "yes (the default)" "RemoveIPC=no"
	printf '[Login]\n RemoveIPC = off\n' >$conf
	doctor $user
	says ok RemoveIPC "no ($conf)"
	printf '[Login]\nRemoveIPC=true\n' >$conf.d/60-b.conf
	doctor $user
	says warn RemoveIPC "yes ($conf.d/60-b.conf)" "RemoveIPC=no"
	printf '[Login]\nRemoveIPC=maybe\n' >$conf.d/70.conf
	printf '[Login]\nRemoveIPC=no\n' >$conf.d/80.bak
	printf '[Login]\nRemoveIPC=no\n' >$conf.d/50-a.conf
	doctor $user
	says warn RemoveIPC "yes ($conf.d/60-b.conf)" "RemoveIPC=no"
	if [ -d /etc/systemd ]; then
		mkdir /etc/systemd/logind.conf.d
		ln -s /dev/null /etc/systemd/logind.conf.d/60-b.conf
		doctor $user
		says ok RemoveIPC "no ($conf.d/50-a.conf)"
		rm /etc/systemd/logind.conf.d/60-b.conf
	fi
	if [ -d /var/lib/systemd ]; then
		mount -t tmpfs shmipc-test /var/lib/systemd
		mkdir /var/lib/systemd/linger
		: >/var/lib/systemd/linger/nobody
		doctor $user
		says ok RemoveIPC "lingering is enabled"
		umount /var/lib/systemd
	fi
	doctor
	says ok RemoveIPC "uid 0 is a system user"
else
	not_tried "no other user in a user name space"
fi
for place in /etc/systemd /usr/lib/systemd /usr/local/lib/systemd /run; do
	[ ! -d $place ] || umount $place
done

echo "== descriptors"
few() {
	# shellcheck disable=SC3045 # only to have fewer
	(ulimit -S -n "$1" && shift && "$@")
}
doctor few 255
says warn "open files" "255 (" "ulimit -n"
doctor few 31
says bad "open files" "31 (" "ulimit -n"

if [ "$memfd" ]; then
	echo "== the broker"
	if sysctl vm/memfd_noexec 2; then
		doctor
		says warn vm.memfd_noexec "2: memfd refuses" "0600"
		# It cannot be lowered again; it goes with the name space.
	fi
	run=/dev/shm/shmipc-$(id -u)
	for state in warn bad; do
		[ $state = warn ] || SHMIPC_BACKEND=memfd
		[ $state = warn ] || export SHMIPC_BACKEND
		doctor env SHMIPC_BROKER="$tmp/none"
		says $state "broker program" "$tmp/none: No such" "install"
		says $state backends "memfd does not work" "SHMIPC_BACKEND"
		doctor env SHMIPC_RUNTIME_DIR="$tmp/none/run"
		says $state "broker directory" "cannot be created" "your own"
		: >"$run"
		doctor
		says $state "broker directory" "is not a directory" "remove"
		rm "$run"
		mkdir -m 750 "$run"
		doctor
		says $state "broker directory" "by others (0750)" "chmod 700"
		chmod 700 "$run"
		if chown 65534 "$run" 2>/dev/null; then
			doctor
			says $state "broker directory" "uid 65534" "remove"
			chown "$(id -u)" "$run"
		fi
		mkdir "$run/sock"
		doctor
		says $state "broker directory" "not a socket" "remove"
		rmdir "$run/sock" "$run"
	done

	$tool create --size 1 kept || complain "no broker was started"
	doctor
	version=$(./shmipc-broker --version | head -n 1)
	version=${version#shmipc-broker }
	says ok broker ", version $version of $tmp/broker"
	says ok "broker program" "$tmp/broker, version $version"
	# What the program says of itself, the kernel confirms.
	case $(./shmipc-broker --version) in
	*'not confined'*) says ok broker "$tmp/broker, not confined" ;;
	*) says ok broker "$tmp/broker, confined" ;;
	esac
	if [ "$(cat /proc/sys/vm/memfd_noexec 2>/dev/null)" = 2 ]; then
		$tool create --mode 0700 --size 1 exec 2>"$tmp/err" &&
			complain "a mode with execute permission is not refused"
		grep -q 'vm.memfd_noexec=2 refuses' "$tmp/err" ||
			complain "no word about it: $(cat "$tmp/err")"
	fi
	says ok garbage "none on memfd"
	pid=$(sed -n 's/^ok *broker *pid \([0-9]*\) .*/\1/p' "$tmp/out")
	[ "$(readlink "/proc/$pid/exe")" = "$tmp/broker" ] ||
		complain "the broker is not pid \"$pid\""
	server=$(sed -n 's/^ok *broker .*(server \([0-9]*\)),.*/\1/p' \
		"$tmp/out")
	[ "$(awk '{ print $4 }' "/proc/$server/stat")" = "$pid" ] ||
		complain "its server is not pid \"$server\""
	kill -STOP "$pid"
	doctor
	says bad broker "pid $pid is stopped" "kill -CONT $pid"
	kill -CONT "$pid"
	cp shmipc-broker "$tmp/new" && mv "$tmp/new" "$tmp/broker"
	doctor
	says warn broker "pid $pid still runs a program that was replaced" \
		"kill -HUP $pid"
	says warn broker "replaced: version $version of $tmp/broker"
	# Its next server may have a smaller number than its own.
	sysctl kernel/ns_last_pid 10
	kill -HUP "$pid"
	tries=0
	until $tool doctor | grep -q '^ok *broker *pid'; do
		tries=$((tries + 1))
		[ $tries -le 100 ] || complain "SIGHUP did not help"
		[ $tries -le 100 ] || break
		sleep 0.1
	done
	doctor
	says ok broker "pid $pid (server "
	$tool stat kept >/dev/null || complain "SIGHUP has lost a name"
	printf '#!/bin/sh\nexec sleep 60\n' >"$tmp/new" && chmod +x "$tmp/new"
	doctor env SHMIPC_BROKER="$tmp/new"
	says ok "broker program" "$tmp/new, version ?"
	rm "$tmp/broker"
	doctor
	says warn broker "pid $pid still runs a program that was removed" \
		"kill -TERM $pid"
	cp shmipc-broker "$tmp/broker"

	# The dead have no names, and nobody brings them back to life.
	kill -KILL "$pid"
	tries=0
	while [ -e "/proc/$server/exe" ]; do
		tries=$((tries + 1))
		[ $tries -le 100 ] || complain "the server lives on"
		[ $tries -le 100 ] || break
		sleep 0.1
	done
	[ -S "$run/sock" ] || complain "no socket is left"
	# A process that only has the directory open, as we do, is no broker.
	exec 9<"$run"
	doctor
	exec 9<&-
	says ok broker "not running"
	says ok "broker directory" "$run"
	if command -v strace >/dev/null &&
		strace -f -o "$tmp/trace" -e trace=connect,flock,kill,clone \
			$tool doctor >"$tmp/out" 2>/dev/null; then
		grep -e '/sock"' -e flock "$tmp/trace" &&
			complain "it has knocked at the door"
	else
		not_tried "no strace(1)"
	fi
	rm "$run/sock" && rmdir "$run"
	unset SHMIPC_BACKEND
else
	not_tried "no memfd here"
fi

echo "== garbage"
for backend in posix sysv $memfd; do
	# shellcheck disable=SC2016 # for the other shell
	$tool lock --backend "$backend" dying -- sh -c 'kill -KILL $PPID' \
		2>/dev/null
	doctor
	says warn garbage "1 on $backend" "shmipc gc --force --backend $backend"
	$tool gc --force --backend "$backend" >/dev/null
	doctor
	says ok garbage "none on $backend"
done

echo "== for machines, and in colour"
if $tool doctor --json >"$tmp/json" 2>"$tmp/err"; then
	if command -v jq >/dev/null; then
		$tool doctor >"$tmp/out"
		awk '/^(ok|warn|bad)/ { print $1 }' "$tmp/out" >"$tmp/states"
		jq -r '.[] | select((.remedy == null) == (.state == "ok"))
			| select(.check != "" and .found != "") | .state' \
			"$tmp/json" | cmp - "$tmp/states" ||
			complain "not as JSON: $(cat "$tmp/json")"
	else
		not_tried "no jq(1)"
	fi
else
	grep -q jansson "$tmp/err" || complain "--json: $(cat "$tmp/err")"
fi
if command -v script >/dev/null; then
	esc=$(printf '\033')
	script -qec "env TERM=xterm $tool doctor" /dev/null \
		>"$tmp/out" </dev/null
	grep -q "^$esc\[32mok" "$tmp/out" || complain "no colour"
	for plain in NO_COLOR=1 TERM=dumb; do
		script -qec "env TERM=xterm $plain $tool doctor" /dev/null \
			>"$tmp/out" </dev/null
		grep -q "$esc" "$tmp/out" && complain "colour with $plain"
	done
else
	not_tried "no script(1)"
fi

echo "== called wrongly, and to nowhere"
$tool doctor x >/dev/null 2>&1
[ $? -eq 2 ] || complain "an argument is taken"
$tool doctor >/dev/full 2>/dev/null
[ $? -eq 1 ] || complain "a full stdout is not noticed"

# Last, since nothing else works without it.
echo "== no /proc"
mount -t tmpfs shmipc-test /proc
if $tool --version >/dev/null 2>&1; then
	$tool doctor >"$tmp/out" 2>&1 && complain "no /proc is fine"
	says bad /proc "is not mounted" "mount -t proc"
else
	not_tried "nothing runs without /proc"
fi
umount /proc

echo "tool-doctor.sh: $checked findings"
exit $failed
