#!/bin/sh
# SPDX-License-Identifier: MIT
# What programs leave that are killed, on the backend SHMIPC_BACKEND: shmipc ls
# has the right word for each object, and gc --force removes exactly the
# garbage. It runs in its own name spaces, since gc removes the garbage of other
# programs, too.
. "${srcdir:-.}/tests/tool/common.sh"
seed=${SHMIPC_TEST_SEED:-$$}

# Lists as lines of KIND NAME VERDICT; also of names such as "segment 5".
lines() {
	sed -e 's/  segment \([0-9]*\)$/  segment-\1/' \
		-e 's/  set \([0-9]*\)$/  set-\1/' |
		awk '$(NF - 1) ~ /^(used|idle|garbage|lost)$/ {
			print $2, $NF, $(NF - 1) }'
}

look() {
	shmipc ls --backend "$SHMIPC_BACKEND" | lines
}

# compare EXPECTED SEEN: complaints. Garbage may also have a name of the
# system's.
compare() {
	awk '
	NR == FNR { must[$1, $2] = $3; words[$1, $2] = "," $4 ","; next }
	($1, $2) in words {
		if (!index(words[$1, $2], "," $3 ","))
			print $1, $2, "is", $3 ", not", words[$1, $2]
		seen[$1, $2] = 1
		next
	}
	$3 != "garbage" { print "unknown:", $0 }
	END {
		for (o in must)
			if (must[o] == "must" && !(o in seen)) {
				split(o, part, SUBSEP)
				print part[1], part[2], "is missing"
			}
	}' "$1" "$2" >"$tmp/differences"
	[ ! -s "$tmp/differences" ] || complain "$(cat "$tmp/differences")"
}

# What the system has, without the name spaces of the broker.
raw() {
	find /dev/shm -mindepth 1 ! -path '/dev/shm/shmipc-*'
	sed 1d /proc/sysvipc/shm
	sed 1d /proc/sysvipc/sem
}

# It has no names any more, and more patience than others in these tests.
end_broker() {
	find /proc/[0-9]*/exe -maxdepth 0 -lname "$SHMIPC_BROKER" 2>/dev/null |
		cut -d / -f 3 >"$tmp/brokers"
	while read -r broker; do
		kill "$broker" 2>/dev/null
	done <"$tmp/brokers"
}

mkfifo "$tmp/go"
tests/tool/dead 50 "$seed" <"$tmp/go" >"$tmp/expected" &
dead=$!
exec 3>"$tmp/go"
ready() {
	! kill -0 "$dead" 2>/dev/null || grep -qx ready "$tmp/expected"
}
await ready
grep -qx ready "$tmp/expected" || {
	complain "the programs did not come so far (seed $seed)"
	finish
}
sed -i '/^ready$/d' "$tmp/expected"
echo "== 50 programs were killed; seed $seed"

look >"$tmp/seen"
compare "$tmp/expected" "$tmp/seen"
for verdict in used idle garbage; do
	echo "$(grep -c " $verdict$" "$tmp/seen") $verdict"
	grep -q " $verdict$" "$tmp/seen" || complain "nothing is $verdict"
done
echo "$(grep -c ' may ' "$tmp/expected") were being made"

# differ FILE FILE: complaints
differ() {
	diff "$1" "$2" >"$tmp/differences" ||
		complain "$(cat "$tmp/differences")"
}

echo "== gc says the same, and changes nothing"
grep ' garbage$' "$tmp/seen" | sort >"$tmp/garbage"
gives 0 shmipc gc
lines <"$tmp/out" | sort >"$tmp/dry"
differ "$tmp/garbage" "$tmp/dry"
look >"$tmp/again"
differ "$tmp/seen" "$tmp/again"

echo "== what is garbage is not there, for other commands"
set -- "$(awk '$4 == "garbage" && $3 == "must" { print $2; exit }' \
	"$tmp/expected")"
gives 4 shmipc stat "$1"
# A broker forgets garbage when somebody asks for it by its name.
if [ "$SHMIPC_BACKEND" = memfd ]; then
	sed -i "/ $1 garbage\$/d" "$tmp/garbage"
else
	refuses 4 'gc --force' shmipc stat "$1"
	refuses 4 'gc --force' shmipc rm "$1"
fi

echo "== gc --force removes exactly that"
gives 0 shmipc gc --force
lines <"$tmp/out" | sort >"$tmp/forced"
differ "$tmp/garbage" "$tmp/forced"
grep -qx "$(wc -l <"$tmp/garbage") objects removed\." "$tmp/out" ||
	complain "it says: $(tail -n 1 "$tmp/out")"
grep -v ' garbage$' "$tmp/seen" >"$tmp/stays"
look | diff "$tmp/stays" - >"$tmp/differences" ||
	complain "not exactly: $(cat "$tmp/differences")"
prints 'No garbage found.' shmipc gc
prints 'No garbage found.' shmipc gc --force

echo "== the living, and the bytes of those that stay"
exec 3>&-
wait $dead
is 0 "exit status of the program that lives" $?
look | sort >"$tmp/left"
grep -v ' live.transient ' "$tmp/stays" | sed 's/ used$/ idle/' | sort |
	diff - "$tmp/left" >"$tmp/differences" ||
	complain "in the end: $(cat "$tmp/differences")"
cut -d ' ' -f 2 "$tmp/left" | sort -u | xargs "$tool" rm --all ||
	complain "rm: $?"
end_broker
left=$(raw)
[ -z "$left" ] || complain "left behind: $left"
finish
