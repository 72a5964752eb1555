/* SPDX-License-Identifier: MIT */
/*
 * The protocol of core/lockword.h, for spin. Labels in brackets are the labels
 * there, and [K] is the kernel's part. tests/model/model.sh runs this in
 * several sizes, and with one fault each (MUTANT), of which every one must be
 * found.
 *
 * The atomic steps are those of semword.pml. U2's look at DIED may stand in
 * U1, since only the holder can change DIED while it lives. The handle's `node'
 * is not modelled: it says what the word says, unless a peer lies. L5 is not
 * modelled either: here the kernel finds all threads that die.
 *
 * At any step (fate) a thread may be killed; a sleeper may wake by itself, at
 * the end of its recheck interval or at its deadline; a handler may end its
 * sleep. A deadline may have passed wherever it is looked at. If a killed
 * thread has left something undone, the kernel does it later, in steps of its
 * own: other threads run in between.
 *
 * Recheck intervals are otherwise needed only when nothing moves any more, so
 * that is when they end here (clock). It is checked that they were needed: a
 * responsible thread was killed, and the kernel found the lock not recoverable,
 * or taken by a thread that came past without WAITERS.
 */
#ifndef THREADS
#define THREADS 3 /* 2 or 3 */
#endif
#ifndef LOCKS /* of each, or attempts */
#define LOCKS 1
#endif
#ifndef BEGUN /* 1: the first has just been woken, the second sleeps */
#define BEGUN 0
#endif
#ifndef KILLS /* at most */
#define KILLS 0
#endif
#ifndef FATE /* 0: nobody is killed, wakes by itself or is interrupted */
#define FATE 1
#endif
#ifndef WAKES /* 0: nobody wakes by itself or is interrupted */
#define WAKES FATE
#endif
#ifndef OLD_KERNEL /* before Linux 6.2 */
#define OLD_KERNEL 0
#endif
#ifndef MUTANT
#define MUTANT 0
#endif

/*
 * NEW          before all steps; they begin in their order, being alike
 * AWAKE        not responsible for anybody
 * ASLEEP       in L4
 * INTERRUPTED  about to leave L4 with -EINTR
 * RESPONSIBLE  woken in L4 by somebody, and has neither done L1 or L3 nor
 *              found that there is nothing to wait for; or between a U2 that
 *              cleared WAITERS and U3; or killed, and the kernel is to wake one
 */
mtype = { NEW, AWAKE, ASLEEP, INTERRUPTED, RESPONSIBLE, DONE, DEAD };
mtype state[THREADS] = NEW;
bool killed[THREADS];  /* no more steps of its own */
bool pending[THREADS]; /* list_op_pending is at the word */

/* The shared word. */
#define NOBODY		0
#define ID(i)		((i) + 1)
#define NOT_RECOVERABLE 255
byte id = NOBODY;
bool died, waiters;
byte in_list = NOBODY; /* in whose list the element beside it is: one's only */

/* What nobody in the program knows. */
byte sleepers, responsible; /* threads that are ASLEEP; RESPONSIBLE */
byte moving = THREADS;	    /* not ASLEEP, DONE or DEAD */
byte holder;		    /* lives, and is between L1 and U2 */
bool broken;		    /* a holder was killed, nobody has mended it */
bool bypassed;		    /* id went past sleepers without WAITERS */
byte kills;
bool lost; /* the kernel woke nobody for a killed responsible thread */

#define is_held (id != NOBODY && id != NOT_RECOVERABLE)
#define is_hopeless (id == NOT_RECOVERABLE && !died && !waiters)
#define is_busy (id != NOBODY && !is_hopeless) /* as lock sees it */

#define flags_make_sense \
	(is_held || (!waiters || died) && (id == NOBODY || !died))
#define sleepers_are_seen_to \
	(sleepers == 0 || is_held && waiters || responsible > 0 || lost)

#define moves(s) (s != ASLEEP && s != DONE && s != DEAD)

inline become(who, new)
{
	sleepers = sleepers - (state[who] == ASLEEP) + (new == ASLEEP);
	moving = moving - moves(state[who]) + moves(new);
	responsible = responsible - (state[who] == RESPONSIBLE) +
		      (new == RESPONSIBLE);
	state[who] = new
}

/* Also for nothing. */
inline wake_one(new)
{
	if
	:: state[0] == ASLEEP -> become(0, new)
	:: state[1] == ASLEEP -> become(1, new)
#if THREADS > 2
	:: state[2] == ASLEEP -> become(2, new)
#endif
	:: sleepers == 0
	fi
}

/* No more is expected of any of them than that each goes away. */
inline wake_all()
{
	do
	:: sleepers > 0 -> wake_one(AWAKE)
	:: sleepers == 0 -> break
	od
}

inline take(me)
{
	assert(holder == NOBODY);
	assert(died == broken);
	holder = ID(me);
	bypassed = !waiters && !slept;
	id = ID(me);
#if MUTANT == 1 /* L1 drops DIED */
	died = false;
#endif
#if MUTANT == 2 /* L1 drops WAITERS */
	waiters = false;
#endif
#if MUTANT != 3 /* L1 after a sleep does not set WAITERS */
	waiters = waiters || slept;
#endif
	slept = false;
	become(me, AWAKE)
}

#define is_unchanged                            \
	(id == seen_id && died == seen_died && \
	 (waiters || MUTANT == 9))

inline see()
{
	seen_id = id;
	seen_died = died
}

inline forget()
{
	seen_id = NOBODY;
	seen_died = false
}

/* Whether the kernel wakes nobody for a killed responsible thread. */
#define is_past_help \
	(id == NOT_RECOVERABLE || is_held && bypassed || \
	 OLD_KERNEL && id == NOBODY)

inline leave_list()
{
	in_list = (in_list == ID(me) -> NOBODY : in_list)
}

proctype thread(byte me; bool slept)
{
	byte locks;
	byte seen_id;
	bool seen_died;

	{
		if
		:: slept -> goto end
		:: atomic { !slept && (me == 0 || state[me - 1] != NEW) ->
				become(me, AWAKE)
			}
		fi;
call:		if
		:: atomic { locks == LOCKS ->
				become(me, DONE);
				goto out
			}
		/* [L0] */
		:: atomic { locks < LOCKS ->
				locks++;
#if MUTANT != 4 /* no L0 */
				pending[me] = true
#endif
			}
		fi;

		/* ---- lock, trylock -------------------------------------- */

look:		if
#if MUTANT == 5 /* L1 is a load and a store */
		:: atomic { id == NOBODY -> skip };
			atomic { take(me) };
			goto taken
#else
		/* [L1] */
		:: atomic { id == NOBODY -> take(me); goto taken }
#endif
		/* -ENOTRECOVERABLE; after a sleep it is passed on. */
		:: atomic { is_hopeless && !slept ->
				assert(broken);
				goto leave
			}
		:: atomic { is_hopeless && slept ->
				assert(broken);
#if MUTANT != 6 /* it is not passed on */
				wake_all();
#endif
				become(me, AWAKE);
				goto leave
			}
		/* -EBUSY, or -ETIMEDOUT. */
		:: atomic { is_busy && !slept ->
				goto leave
			}
#if MUTANT == 7 /* a waiter gives up after a sleep before L3 */
		:: atomic { is_busy && slept ->
				become(me, AWAKE);
				goto leave
			}
#endif
#if MUTANT == 8 /* L3 is a load and a store */
		:: atomic { is_busy -> see() };
			atomic {
				waiters = true;
				bypassed = false;
				become(me, AWAKE)
			}
#elif MUTANT == 9 /* a woken waiter does not set WAITERS again in L3 */
		:: atomic { is_busy ->
				see();
				waiters = waiters || !slept;
				become(me, AWAKE)
			}
#else
		/* [L3] */
		:: atomic { is_busy ->
				see();
				waiters = true;
				bypassed = false;
				become(me, AWAKE)
			}
		/* The swap fails. */
		:: atomic { is_busy && !waiters && !slept ->
				slept = true;
				goto look
			}
#endif
		fi;

		if
		/* The deadline has passed. */
		:: atomic { forget(); goto leave }
		/* [L4] */
#if MUTANT == 10 /* the kernel does not compare */
		:: atomic { slept = true; forget(); become(me, ASLEEP) }
#else
		:: atomic { is_unchanged ->
				slept = true;
				forget();
				become(me, ASLEEP)
			}
		:: atomic { !is_unchanged ->
				slept = true;
				forget();
				goto look
			}
#endif
		fi;
end:		if
		:: atomic { state[me] == AWAKE || state[me] == RESPONSIBLE ->
				goto look
			}
#if MUTANT == 11 /* a deadline that has passed is reported without a look */
		:: atomic { state[me] == RESPONSIBLE ->
				become(me, AWAKE);
				goto leave
			}
#endif
		:: atomic { state[me] == INTERRUPTED ->
				become(me, AWAKE);
				goto leave
			}
		fi;
leave:		atomic { slept = false; pending[me] = false; goto call };

taken:
#if MUTANT != 12 /* no L2 */
		/* [L2] */
		atomic { assert(in_list == NOBODY); in_list = ID(me) };
#endif
		pending[me] = false;

		/* ---- mark_consistent, or not ---------------------------- */

		if
		:: !died
		:: died
#if MUTANT == 13 /* it is a load and a store */
			-> atomic { slept = waiters };
			atomic {
				waiters = slept;
				slept = false;
				died = false;
				broken = false
			}
#else
		:: atomic { died -> died = false; broken = false }
#endif
		fi;

		/* ---- unlock --------------------------------------------- */

#if MUTANT != 14 && MUTANT != 15 /* no U0 */
		/* [U0] */
		pending[me] = true;
#endif
		/* [U1] */
		atomic {
#if MUTANT != 15 && MUTANT != 16 /* U1 after U2; 15: and no U0 */
			in_list = NOBODY;
#endif
			seen_died = died
		};
#if MUTANT == 17 /* U3 before U2 */
		atomic {
			if
			:: waiters -> wake_one(RESPONSIBLE)
			:: else
			fi
		};
#endif
		/* [U2] */
		atomic {
			holder = NOBODY;
#if MUTANT == 18 /* U2 ignores DIED */
			seen_died = false;
#endif
			id = (seen_died -> NOT_RECOVERABLE : NOBODY);
			if
			:: waiters && MUTANT != 17 -> become(me, RESPONSIBLE)
			:: else
			fi;
			died = false;
			waiters = false
		};
		/* [U3] */
		if
		:: atomic { state[me] == RESPONSIBLE ->
				if
#if MUTANT == 19 /* nobody is woken */
				:: true
#elif MUTANT == 20 /* one is woken, where all should be */
				:: seen_died -> wake_one(AWAKE)
				:: else -> wake_one(RESPONSIBLE)
#else
				:: seen_died -> wake_all()
				:: else -> wake_one(RESPONSIBLE)
#endif
				fi;
				become(me, AWAKE)
			}
		:: state[me] == AWAKE
		fi;
#if MUTANT == 15 || MUTANT == 16
		in_list = NOBODY;
#endif
		atomic { forget(); pending[me] = false; goto call };
out:		skip
	} unless { killed[me] };

	/* ---- the kernel, after a death ---------------------------------- */

	/* [K] exit_robust_list(). A pending word in the list counts once. */
	if
	:: state[me] == DONE
	/* handle_futex_death() of the pending word, if nobody has it. */
	:: atomic { state[me] != DONE && pending[me] && id == NOBODY &&
		(!OLD_KERNEL || !died) ->
			leave_list();
			become(me, RESPONSIBLE)
		}
	/* The same of any, if the dead one has it. */
	:: atomic { id == ID(me) && (pending[me] || in_list == ID(me)) ->
			leave_list();
			id = NOBODY;
			died = true;
			become(me, (waiters -> RESPONSIBLE : AWAKE))
		}
	:: atomic { else ->
			leave_list();
			if
			:: state[me] == RESPONSIBLE && is_past_help ->
				lost = true
			:: else
			fi;
			become(me, AWAKE)
		}
	fi;
	if
	:: state[me] == DONE
	:: atomic { state[me] == RESPONSIBLE ->
			wake_one(RESPONSIBLE);
			become(me, DEAD)
		}
	:: atomic { state[me] == AWAKE -> become(me, DEAD) }
	fi
}

/* ---- whatever happens --------------------------------------------------- */

/* A sleeper leaves the kernel's queue. */
inline kill(who)
{
	if
	:: state[who] != RESPONSIBLE -> become(who, AWAKE)
	:: else
	fi;
	if
	:: holder == ID(who) -> broken = true; holder = NOBODY
	:: else
	fi;
	killed[who] = true;
	kills++
}

proctype fate()
{
	byte i;

end:	do
	:: atomic { kills < KILLS ->
			select (i : 0 .. THREADS - 1);
			if
			:: state[i] != NEW && state[i] != DONE && !killed[i] ->
				kill(i)
			:: else
			fi;
			i = 0
		}
	:: atomic { WAKES && sleepers > 0 ->
			select (i : 0 .. THREADS - 1);
			if
			:: state[i] == ASLEEP -> become(i, AWAKE)
			:: state[i] == ASLEEP -> become(i, INTERRUPTED)
			:: else
			fi;
			i = 0
		}
	od
}

/*
 * Nothing moves any more: threads that are not asleep have ended (otherwise as
 * in semword.pml), and so nobody has the lock. If a thread sleeps nevertheless,
 * a wake-up was lost with a killed thread, and the end of the next recheck
 * interval must put it right.
 */
proctype clock()
{
	byte i;

	do
	:: atomic { moving == 0 ->
			assert(!is_held);
			if
			:: sleepers == 0 -> break
			:: sleepers > 0 -> skip
			fi;
			assert(lost);
#if MUTANT != 21 /* no rechecks */
			for (i : 0 .. THREADS - 1) {
				if
				:: state[i] == ASLEEP -> become(i, AWAKE)
				:: else
				fi
			}
#endif
			i = 0;
			lost = false
		}
	od
}

#ifndef NO_INVARIANTS
/* At every step. */
proctype monitor()
{
end:	if
	:: !flags_make_sense -> assert(flags_make_sense) /* never */
	:: !sleepers_are_seen_to -> assert(sleepers_are_seen_to) /* never */
	fi
}
#endif

init
{
	byte i;

	atomic {
		/* Left from earlier users, which may all be dead. */
		if
		:: true
		:: died = true; broken = true
		:: died = true; broken = true; waiters = true
		fi;
#if BEGUN
		become(0, RESPONSIBLE);
		pending[0] = true;
		become(1, ASLEEP);
		pending[1] = true;
#endif
		for (i : 0 .. THREADS - 1) {
			run thread(i, BEGUN && i < 2)
		}
		i = 0;
		run fate();
		run clock();
#ifndef NO_INVARIANTS
		run monitor()
#endif
	}
}
