/* SPDX-License-Identifier: MIT */
/*
 * The protocol of core/semword.h, for spin. Labels in brackets are the labels
 * there. tests/model/model.sh runs this in several sizes, and with one fault
 * each (MUTANT), of which every one must be found.
 *
 * What is here one atomic step is one access to the word in semword.c: a look
 * that leads to no swap, or a swap that succeeded together with the look
 * before it. A swap that fails changes nothing and is tried again, which is a
 * look later. A relaxed look may be old, and an old look is an early one: the
 * only thing a thread does before it that others see, taking a token, orders
 * the two in the kernel. Spinning before the first sleep (spin.h) is looks that
 * lead to nothing, and at last W1 or W3.
 *
 * What can happen at any step (fate): a thread is killed; a sleeper wakes
 * without a token, be it by its recheck, its deadline, or because an eventfd
 * wakes everybody; a handler ends its sleep. A post by a handler in the middle
 * of a wait is one way in which a poster and a waiter take turns.
 *
 * Rechecks are otherwise needed only when nothing moves any more, so that is
 * when they end here (clock), and it is checked that it had to be: somebody
 * was killed while responsible.
 */
#ifndef POSTERS
#define POSTERS 2
#endif
#ifndef POSTS /* of each */
#define POSTS 1
#endif
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef WAITS /* of each; not every wait has to end with a unit */
#define WAITS 1
#endif
#ifndef KILLS /* at most */
#define KILLS 0
#endif
#ifndef FATE /* 0: nobody is killed, woken or interrupted */
#define FATE 1
#endif
#ifndef INITIAL
#define INITIAL 0
#endif
#ifndef VALUE_MAX
#define VALUE_MAX 100
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

/*
 * Each post makes a token at most, and so does each take that leaves a unit;
 * one more was there before.
 */
#define TOKENS_MAX (POSTERS * POSTS + INITIAL + POSTERS * POSTS - 1 + 1)

/*
 * NEW          before all steps; identical threads begin in their order
 * AWAKE        elsewhere, or not responsible for anybody
 * MARKED       between W3 and W4
 * ASLEEP       in W4
 * RESPONSIBLE  a waiter between W4 and the end of W1-W2 or W3, a poster
 *              between a P1 that cleared MARK and P2
 * INTERRUPTED  about to leave W4 with -EINTR
 */
mtype = { NEW, AWAKE, MARKED, ASLEEP, RESPONSIBLE, INTERRUPTED, DONE, DEAD };

#define THREADS (WAITERS + POSTERS) /* waiters come first */
mtype state[THREADS] = NEW;

/* The shared word. */
byte value = INITIAL;
bool mark;

/*
 * The ksem. A token is stuck if its wake-up died with the sleeper that the
 * kernel woke: threads that come can take it, but those asleep stay asleep.
 */
byte tokens, stuck;

/* What nobody in the program knows. */
byte posted, taken;	    /* units, as of P1 and W1 */
byte sleepers, responsible; /* threads that are MARKED or ASLEEP; RESPONSIBLE */
byte moving = THREADS;	    /* not ASLEEP, DONE or DEAD */
byte kills;
bool lost;	    /* a responsible thread died since the last recheck */

#define sleeps(s) (s == MARKED || s == ASLEEP)
#define somebody_responsible (responsible > 0 || tokens > 0 || lost)
#define stranded (sleepers > 0 && value > 0)
#define is_quiet (moving == 0 && (tokens == 0 || sleepers == 0))

#define counts_agree (value + taken == INITIAL + posted)
#define value_fits (value <= VALUE_MAX)
#define mark_is_seen_to (sleepers == 0 || mark || somebody_responsible)
#define units_are_seen_to (!stranded || somebody_responsible)
#define tokens_are_bounded (tokens + stuck <= TOKENS_MAX)

#define moves(s) (s != ASLEEP && s != DONE && s != DEAD)

inline become(who, new)
{
	sleepers = sleepers - sleeps(state[who]) + sleeps(new);
	moving = moving - moves(state[who]) + moves(new);
	responsible = responsible - (state[who] == RESPONSIBLE) +
		      (new == RESPONSIBLE);
	state[who] = new
}

/* ---- post --------------------------------------------------------------- */

inline add_unit()
{
#if MUTANT == 13 /* P1 does not look for the maximum: a carry into MARK */
	mark = mark || value == VALUE_MAX;
	value = (value < VALUE_MAX -> value + 1 : 0);
#else
	value++;
#endif
	posted++
}

#define room (value < VALUE_MAX || MUTANT == 13)

proctype poster(byte me)
{
	byte posts;
	byte seen; /* for mutants */

	{
		atomic { me == WAITERS || state[me - 1] != NEW ->
			become(me, AWAKE)
		};
call:		if
		:: atomic { posts == POSTS -> become(me, DONE); goto out }
		:: atomic { posts < POSTS -> posts++ }
		fi;

		if
#if MUTANT == 4 /* MARK is looked at before P1, not in it */
		:: atomic { room -> seen = mark };
			atomic {
				add_unit();
				mark = false;
				if
				:: seen -> become(me, RESPONSIBLE)
				:: else
				fi
			}
#elif MUTANT == 5 /* P2 before P1 */
		:: atomic { room ->
				if
				:: mark -> tokens++
				:: else
				fi
			};
			atomic { add_unit(); mark = false }
#elif MUTANT == 12 /* P1 is a load and a store */
		:: atomic { room -> seen = value };
			atomic {
				add_unit();
				value = seen + 1;
				if
				:: mark -> mark = false; become(me, RESPONSIBLE)
				:: else
				fi
			}
#else
		/* [P1] */
		:: atomic { room ->
				add_unit();
				if
				:: mark -> mark = false; become(me, RESPONSIBLE)
				:: else
				fi
			}
#endif
		:: atomic { !room -> goto call } /* -EOVERFLOW */
		fi;

		/* [P2] */
		if
		:: atomic { state[me] == RESPONSIBLE ->
				tokens++;
				become(me, AWAKE)
			}
		:: state[me] == AWAKE
		fi;
		goto call;
out:		skip
	} unless { state[me] == DEAD }
}

/* ---- wait, trywait ------------------------------------------------------ */

proctype waiter(byte me)
{
	byte waits;
	bool slept;
	byte seen; /* for mutants */

	{
		atomic { me == 0 || state[me - 1] != NEW -> become(me, AWAKE) };
call:		if
		:: atomic { waits == WAITS -> become(me, DONE); goto out }
		:: atomic { waits < WAITS -> waits++; slept = false }
		fi;

look:		if
#if MUTANT == 11 /* W1 is a load and a store */
		:: atomic { value > 0 -> seen = value };
			atomic { value = seen - 1; taken++; become(me, AWAKE) }
#else
		/* [W1]; with a unit left after a sleep, W2 follows. */
		:: atomic { value > 0 ->
				value--;
				taken++;
#if MUTANT != 2 /* W1 after a sleep does not set MARK */
				mark = mark || slept;
#endif
				if
				:: slept && value > 0 && MUTANT != 1
				:: else -> become(me, AWAKE)
				fi
			}
#endif
			/* [W2] */
			if
			:: atomic { state[me] == RESPONSIBLE ->
					tokens++;
					become(me, AWAKE)
				}
			:: state[me] == AWAKE
			fi;
			goto call
#if MUTANT == 3 /* W3: a waiter that found nothing does not set MARK again */
		:: atomic { value == 0 ->
				mark = mark || !slept;
				become(me, MARKED)
			}
#elif MUTANT == 6 /* W3: the value is looked at first, and MARK set then */
		:: value == 0 -> atomic { mark = true; become(me, MARKED) }
#else
		/* [W3] */
		:: atomic { value == 0 -> mark = true; become(me, MARKED) }
#endif
		/* A trywait ends here, and a wait that came too late. */
		:: atomic { value == 0 && !slept -> goto call }
		fi;

		if
		/* The deadline has passed. */
		:: atomic { state[me] == MARKED ->
				become(me, AWAKE);
				goto call
			}
		/* [W4] */
		:: atomic { state[me] == MARKED && stuck == 0 ->
				slept = true;
				become(me, ASLEEP)
			}
		:: atomic { state[me] == MARKED && stuck > 0 ->
				slept = true;
				stuck--;
				become(me, RESPONSIBLE);
				goto look
			}
		fi;
end:		if
		:: atomic { state[me] == ASLEEP && tokens > 0 ->
				tokens--;
				become(me, RESPONSIBLE);
				goto look
			}
#if MUTANT == 7 /* a deadline that has passed is reported without a look */
		:: atomic { state[me] == ASLEEP && tokens > 0 ->
				tokens--;
				become(me, AWAKE);
				goto call
			}
#endif
#if MUTANT == 8 /* without a token, sleep on without a look */
		:: atomic { state[me] == RESPONSIBLE ->
				become(me, ASLEEP);
				goto end
			}
#else
		:: state[me] == RESPONSIBLE -> goto look
#endif
		/* No token was taken: -EINTR without a look. */
		:: atomic { state[me] == INTERRUPTED ->
#if MUTANT == 9 /* a token was taken */
				tokens = (tokens > 0 -> tokens - 1 : 0);
#endif
				become(me, AWAKE);
				goto call
			}
		fi;
out:		skip
	} unless { state[me] == DEAD }
}

/* ---- whatever happens --------------------------------------------------- */

inline kill(who)
{
	if
	:: state[who] == RESPONSIBLE -> lost = true
	:: state[who] == ASLEEP && tokens > 0 ->
		tokens--;
		stuck++;
		lost = true
	:: state[who] != RESPONSIBLE
	fi;
	become(who, DEAD);
	kills++
}

proctype fate()
{
	byte i;

end:	do
	:: atomic { kills < KILLS ->
			select (i : 0 .. THREADS - 1);
			if
			:: state[i] != NEW && state[i] != DONE &&
				state[i] != DEAD -> kill(i)
			:: else
			fi;
			i = 0
		}
	:: atomic { FATE && sleepers > 0 ->
			select (i : 0 .. WAITERS - 1);
			if
			:: state[i] == ASLEEP -> become(i, RESPONSIBLE)
			:: state[i] == ASLEEP -> become(i, INTERRUPTED)
			:: else
			fi;
			i = 0
		}
	od
}

/*
 * Nothing moves any more: threads that are not asleep have ended. (A thread
 * that is stuck elsewhere keeps this from its end, and spin reports an invalid
 * end state.) Now nobody may sleep beside a unit. If a thread does, a thread
 * died while responsible, and the end of the next recheck interval must put it
 * right.
 */
proctype clock()
{
	byte i;

	do
	:: atomic { is_quiet ->
			if
			:: !stranded -> break
			:: stranded -> skip
			fi;
			assert(lost);
#if MUTANT != 10 /* no rechecks */
			for (i : 0 .. WAITERS - 1) {
				if
				:: state[i] == ASLEEP -> become(i, RESPONSIBLE)
				:: else
				fi
			}
#endif
			i = 0;
			lost = false
		}
	od
}

/* At every step. */
proctype monitor()
{
end:	if
	:: !counts_agree -> assert(counts_agree) /* never */
	:: !value_fits -> assert(value_fits) /* never */
#ifndef NO_INVARIANTS
	:: !mark_is_seen_to -> assert(mark_is_seen_to) /* never */
	:: !units_are_seen_to -> assert(units_are_seen_to) /* never */
	:: !tokens_are_bounded -> assert(tokens_are_bounded) /* never */
#endif
	fi
}

init
{
	byte i;

	atomic {
		/* Left from earlier users, which may all be dead. */
		if
		:: mark = true
		:: mark = false
		fi;
		if
		:: tokens = 1
		:: tokens = 0
		fi;
		for (i : 0 .. THREADS - 1) {
			if
			:: i < WAITERS -> run waiter(i)
			:: else -> run poster(i)
			fi
		}
		i = 0;
		run fate();
		run clock();
		run monitor()
	}
}
