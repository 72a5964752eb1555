#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc top, on a terminal that tmux(1) makes: what comes and goes is seen to
# come and go, keys do what they say, any size will do, and the terminal is as
# it was before, however top ends. In name spaces of its own, so that nothing
# but this test's objects is on the screen.
tool=tools/shmipc
if $tool --version | grep -q '^top: no$'; then
	message=$($tool top 2>&1)
	[ $? -eq 2 ] && [ "${message##*without ncurses}" = "" ] || exit 1
	echo "tool-top.sh: built without ncurses: not tried"
	exit 77
fi
if ! command -v tmux >/dev/null; then
	echo "tool-top.sh: no tmux(1): not tried"
	exit 77
fi
case ${1-} in
'')
	for unshare_self in "unshare -m -i -p -f --mount-proc" \
		"unshare -r -m -i -p -f --mount-proc"; do
		# shellcheck disable=SC2086 # words are meant
		$unshare_self mount -t tmpfs shmipc-test /dev/shm 2>/dev/null ||
			continue
		# shellcheck disable=SC2093 # the first that works
		exec $unshare_self sh "$0" unshare_self
	done
	echo "tool-top.sh: no name spaces of its own: not tried"
	exit 77
	;;
unshare_self)
	mount -t tmpfs -o mode=1777 shmipc-test /dev/shm || exit 1
	# A runtime directory, and a broker's program.
	exec sh "${srcdir:-..}/tests/lib/on_backend.sh" memfd sh "$0" inside
	;;
esac
set -u
unset SHMIPC_BACKEND TMUX NO_COLOR
tmp=$(mktemp -d) || exit 1
TMUX_TMPDIR=$tmp
export TMUX_TMPDIR
tmux="tmux -L shmipc-test-$$ -f /dev/null"
load=
trap '$tmux kill-server 2>/dev/null
	[ -z "$load" ] || kill $load
	rm -rf "$tmp"' EXIT
failed=0
backends="posix sysv"
lines=23 # 17 of them for the list
if [ -x shmipc-broker ]; then
	backends="$backends memfd"
	lines=24
fi

complain() {
	echo "tool-top.sh: $*" >&2
	$tmux capture-pane -t top -p >&2
	failed=1
}

# soon COMMAND...: it succeeds, in time.
soon() {
	for _ in $(seq 200); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

# Is it on the screen? A regular expression.
is_shown() {
	$tmux capture-pane -t top -p 2>/dev/null | grep -q -e "$1"
}
is_not_shown() {
	! is_shown "$1"
}
shows() {
	soon is_shown "$1" || complain "not shown: $1"
}
hides() {
	soon is_not_shown "$1" || complain "still shown: $1"
}
keys() {
	$tmux send-keys -t top "$@"
}

# What runs in the terminal: top, and then a look at what it left.
cat >"$tmp/pane.sh" <<'END'
trap : INT # of the terminal
stty -g >"$tmp/before"
sh -c 'echo $$ >"$tmp/pid" && exec "$@"' sh "$tool" top "$@"
echo $? >"$tmp/status"
stty -g >"$tmp/after"
echo it has ended
read -r line
END
export tmp tool

# begin ARGUMENT...: of top
begin() {
	rm -f "$tmp/status" "$tmp/after"
	$tmux new-session -d -s top -x 80 -y $lines \
		sh "$tmp/pane.sh" "$@" ||
		complain "no terminal"
}

# ended STATUS: with this, and the terminal is as it was.
ended() {
	soon [ -s "$tmp/after" ] || complain "it does not end"
	shows "it has ended"
	[ "$(cat "$tmp/status")" = "$1" ] ||
		complain "exit status $(cat "$tmp/status"), not $1"
	cmp "$tmp/before" "$tmp/after" || complain "the terminal has changed"
	flags=$($tmux display-message -t top -p \
		'#{alternate_on} #{cursor_flag}')
	[ "$flags" = "0 1" ] || complain "the terminal's flags are $flags"
	$tmux kill-session -t top
}

# Its server goes with the last session: there is another.
$tmux new-session -d -s other cat || complain "no tmux"

echo "== objects come and go"
begin --delay 100ms
for backend in $backends; do
	shows "^$backend  *0  *0  *0  *-  *-  *-  *-\$"
done
for backend in $backends; do
	$tool create --backend "$backend" --size 3M "region-$backend" &&
		$tool sem create --backend "$backend" --value 5 \
			"sem-$backend" || complain "nothing was made"
	shows "^$backend  *shm  *3M .* idle  *region-$backend\$"
	shows "^$backend  *sem  *-  *5 .* idle  *sem-$backend\$"
	shows "^$backend  *1  *1  *3M "
done
for backend in $backends; do
	$tool rm --backend "$backend" --all "region-$backend" "sem-$backend" ||
		complain "nothing was removed"
	hides "region-$backend"
	hides "sem-$backend"
	shows "^$backend  *0  *0  *0  *-  *-  *-  *-\$"
done

# As long as more and more is made, a look sees some of it.
rate="[0-9.]*[1-9][0-9.]*  *[0-9.]*[KM]"
cat >"$tmp/grow.sh" <<'END'
n=0
while [ ! -e "$tmp/enough" ] && [ $n -lt 9999 ] && n=$((n + 1)); do
	"$tool" create --backend posix --size 1M --lazy "grow-$n"
done
while [ $n -gt 0 ] && n=$((n - 1)); do
	"$tool" rm -f --backend posix "grow-$((n + 1))"
done
END
sh "$tmp/grow.sh" &
load=$!
shows "^posix  *[1-9][0-9]*  *0  *[0-9.]*M  *$rate  *-  *-\$"
: >"$tmp/enough"
wait $load || complain "growing failed"
load=
shows "^posix  *0  *0  *0  *-  *-  *-  *-\$"
rm "$tmp/enough"

# And of what is made and soon removed.
cat >"$tmp/load.sh" <<'END'
n=3
while [ ! -e "$tmp/enough" ] && [ $n -lt 9999 ] && n=$((n + 1)); do
	for backend; do
		"$tool" create --backend "$backend" --size 1M "load-$n"
		"$tool" rm -f --backend "$backend" "load-$((n - 3))"
	done
done
for backend; do
	"$tool" rm -f --backend "$backend" \
		"load-$n" "load-$((n - 1))" "load-$((n - 2))"
done
END
# shellcheck disable=SC2086 # words are meant
sh "$tmp/load.sh" $backends &
load=$!
# Not both in one look: a slow machine makes or removes less than one a look.
any="[0-9.-]*  *[0-9.KM-]*"
for backend in $backends; do
	shows "^$backend  *[1-4]  *0  *[1-4]M  *$rate  *$any\$"
	shows "^$backend  *[1-4]  *0  *[1-4]M  *$any  *$rate\$"
done
: >"$tmp/enough"
wait $load || complain "the load failed"
load=
for backend in $backends; do
	shows "^$backend  *0  *0  *0  *-  *-  *-  *-\$"
done
hides load-

echo "== keys"
for n in $(seq 11 60); do
	$tool create --backend posix --size 1 "many-$n"
done
$tool sem create --backend sysv zero
shows "^posix  *50  *0 "
shows "^sysv  *0  *1 "
shows many-27
is_shown many-28 && complain "that many lines have no room"
keys Down
shows many-28
is_shown many-11 && complain "the first line is still there"
keys Up
shows many-11
keys NPage
shows many-44
keys PPage
shows many-11
keys End
shows zero
keys Down
shows zero
is_shown many-45 || complain "it has moved beyond the end"
keys Home
shows many-11
keys s
shows "sort: backend  "
keys r
shows "sort: backend (reverse)"
shows zero
keys s
shows "sort: kind (reverse)"
keys r k
shows "kind: shm"
hides zero
keys k
shows "kind: sem"
shows zero
hides many-
keys b
shows "backend: posix"
hides zero
keys b
shows "backend: sysv"
shows zero
keys k
shows "kind: all"
for _ in $backends; do
	keys b
done
shows "backend: posix"
keys h
shows "PgUp, PgDn"
hides many-
keys x
shows many-
keys '?'
shows "PgUp, PgDn"
keys h
shows many-

echo "== sizes"
$tmux resize-window -t top -x 40 -y 12
hides OWNER
shows "^BACKEND .*VERDICT  NAME"
shows "^posix .*idle  *many-11\$"
$tmux capture-pane -t top -p | awk 'length($0) > 40 { exit 1 }' ||
	complain "a line is too long"
for size in 1x1 3x2 20x5 200x3 300x100 80x$lines; do
	$tmux resize-window -t top -x "${size%x*}" -y "${size#*x}"
done
shows OWNER
shows "^posix .*idle  *many-11\$"

echo "== what goes wrong is said"
if [ -x shmipc-broker ]; then
	mkdir -p "$SHMIPC_RUNTIME_DIR"
	chmod 755 "$SHMIPC_RUNTIME_DIR"
	shows "^shmipc: "
	shows "by others"
	chmod 700 "$SHMIPC_RUNTIME_DIR"
	hides "by others"
	shows "^posix .*idle  *many-11\$"
fi

echo "== how it ends"
keys q
ended 0
begin --delay 1h
shows "every 3600s"
shows many-11
ticks() {
	awk '{ print $14 + $15 }' "/proc/$(cat "$tmp/pid")/stat"
}
before=$(ticks)
sleep 1
[ $(($(ticks) - before)) -lt 20 ] || complain "it does not sleep"
keys r
shows "(reverse)"
keys h q
ended 0
for name in INT:130 TERM:143 HUP:129 QUIT:131; do
	begin
	shows many-11
	kill -"${name%:*}" "$(cat "$tmp/pid")"
	ended "${name#*:}"
done
begin
shows many-11
keys C-c
ended 130

echo "== called wrongly"
for arguments in "--delay 10ms" "--delay 1" "--sort colour" "--kind x" \
	"--backend x" more; do
	# shellcheck disable=SC2086 # words are meant
	begin $arguments
	ended 2
done
$tool top >/dev/null 2>"$tmp/err" </dev/null
[ $? -eq 2 ] && grep -q terminal "$tmp/err" || complain "no terminal is needed"
# ncurses loses some memory then.
TERM=nonsense ASAN_OPTIONS=detect_leaks=0 script -qec "$tool top" /dev/null \
	>"$tmp/err" </dev/null
[ $? -eq 2 ] && grep -q nonsense "$tmp/err" ||
	complain "a strange terminal: $(cat "$tmp/err")"
exit $failed
