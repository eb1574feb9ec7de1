/* The placement protocol of docs/architecture.md: one order, one database row, two processes, one broker.
 *
 * Every state that can be reached is looked at, so what holds here holds for every order of steps, within the
 * bounds below. `./dev model` checks the four broker classes and plants the flaws at the end of this comment;
 * by hand:
 *
 *   spin -a -DCLASS=E placement.pml && cc -O2 -DNOREDUCE -o pan pan.c && ./pan -m100000
 *   spin -t -p -g -DCLASS=E placement.pml       the run that broke a property, step by step
 *
 * Classes: E enforced (refuses a client order id it has seen), W windowed (refuses it for a while), T tag echo
 * (shows it, refuses nothing), N none (cannot be asked).
 *
 * Transitions are the inlines, and nothing else is one. Each is one commit, or one call of the broker, of the
 * engine function that its comment names. Between any two steps of a process the other may do anything: a
 * pause of any length is a run in which the other goes on, and a sender that wakes up is a zombie. Quiet
 * periods have no length here: that a look-up denies an order is acted on at any time, and only how often it
 * denies what the broker has is bounded.
 *
 * Faults, FAULTS of them in any mixture: a process dies or loses the reply to its COMMIT (either way it has
 * forgotten what it was doing, before or after the commit); a lease runs out under a living process; a request
 * does not leave; an answer is given up while the request is still on its way, which may arrive later or never;
 * an answer is lost after the broker decided; a look-up denies what the broker has. Free: refusals, with or
 * without a row in the broker's list; reports that come, late or never; a stop switch and its end; a cancel; a
 * person who decides or leaves; the end of the window.
 *
 * Assumed, for the library cannot know it: a request that passed the sender's last check reaches the broker, if
 * ever, before the duplicate window ends; a person who calls a parked order never placed, or rejects it, has
 * made sure that no attempt can still arrive.
 *
 * Checked in every state: AtMostOnce, NothingLost, EndIsTrue, AckIsTrue below; at claims and sends the
 * assertions there; at the end of every run AtRest. That every run ends is checked apart (no cycles: ./pan -l).
 *
 * Flaws (-DFLAW_...), each of which must break one of these: RESEND_ON_TIMEOUT, EPOCH_IGNORED, LOOK_ALIKE,
 * REFUSAL_DECIDES, LATE_REFUSAL, REFUSED_ROW, RECEIPT_FIRST, HALT_IGNORED, LEASE_IGNORED, PARKED_CLAIMED,
 * WINDOW_ASKED_ONCE, NOT_FOUND_IS_REJECT, CLASS_IGNORED, NEVER_PARKED.
 */

#ifndef FAULTS
#define FAULTS 3
#endif

#define E 1
#define W 2
#define T 3
#define N 4

mtype:status = { absent, placed, submitting, unknown, acked, rejected, cancelled };
mtype:step = { idle, accepting, replying, claimed, checked, waiting, answered, looked };
mtype:word = { nothing, accepted, refused, not_sent, in_doubt, found, found_refused, not_found };

/* The database. `epoch - attempt` counts the attempts that ended in doubt. */
typedef Row {
  mtype:status status = absent;
  byte epoch;
  byte attempt;
  bool parked;
};
Row row;
bool halted;

/* The memory of the processes: gone when one dies. */
typedef Process {
  mtype:step step = idle;
  mtype:word word = nothing;  /* what became of the attempt, or what the look-up said */
  byte epoch;                 /* claimed, or seen */
  byte attempt;
  bool again;                 /* from `unknown`; looked: to be sent again */
  bool lease_over;
  bool flying;                /* its request is on the wire */
};
Process process[2];
#define me process[id]

/* The broker, the wire and the world. */
mtype:word book = nothing;  /* accepted: it works there; refused: listed as refused */
bool visible;               /* to look-ups */
bool told_accepted;         /* reports that nobody has read yet */
bool told_refused;
byte orphans;               /* requests on the wire whose sender does not wait for them */
bool window_over;
byte faults = FAULTS;
byte requests = 2;          /* the client's call and its repetition, under one key */
byte decisions = 2;         /* of a person, who may leave at any time */
bool halts_left = true;

/* What only the checks know. */
byte acceptances;
bool acknowledged;

#define past_check(i) (process[i].step == checked || process[i].flying)
#define on_its_way (orphans > 0 || past_check(0) || past_check(1))
#define may_send(i) (process[i].step == claimed && !process[i].lease_over)
#define nothing_can_come (!on_its_way && !may_send(0) && !may_send(1))
#define refuses_twice (CLASS == E || (CLASS == W && !window_over))
#define can_arrive (on_its_way && !(book != nothing && refuses_twice))
#define sending(i) (process[i].step == claimed || process[i].step == checked || process[i].step == waiting || \
                    process[i].step == answered)
#define holds_lease(i) (sending(i) && process[i].epoch == row.epoch && !process[i].lease_over)
#define ended (row.status == rejected || row.status == cancelled)
#define earlier_in_doubt (row.epoch - row.attempt > (row.status == unknown -> 1 : 0))

/* What is listed as refused may be another attempt than the one without an answer. */
#define of_which_attempt (earlier_in_doubt && CLASS != E)

#define AtMostOnce (acceptances <= 1)
#define NothingLost (!acknowledged || row.status != absent)
#define EndIsTrue (!ended || (acceptances == 0 && !can_arrive))
#define AckIsTrue (row.status != acked || acceptances == 1)
#define AtRest (row.status == acked || ended || row.parked || (row.status == absent && !acknowledged) || \
                (halted && (row.status == placed || row.status == unknown)))

/* What a flaw changes. */
#ifdef FLAW_EPOCH_IGNORED
#define current true
#else
#define current (row.epoch == me.epoch)
#endif
#ifdef FLAW_HALT_IGNORED
#define may_claim true
#else
#define may_claim (!halted)
#endif
#ifdef FLAW_LEASE_IGNORED
#define lease_stops false
#else
#define lease_stops me.lease_over
#endif
#if defined(FLAW_WINDOW_ASKED_ONCE) || defined(FLAW_CLASS_IGNORED)
#define window_stops false
#else
#define window_stops (me.again && !refuses_twice)
#endif
#ifdef FLAW_PARKED_CLAIMED
#define may_claim_parked true
#else
#define may_claim_parked (!row.parked)
#endif
#ifdef FLAW_CLASS_IGNORED
#define would_refuse_twice true
#else
#define would_refuse_twice refuses_twice
#endif

/* A process loses its memory; its request flies on. */
#define forget(i) \
  orphans = orphans + process[i].flying; process[i].step = idle; process[i].word = nothing; \
  process[i].epoch = 0; process[i].attempt = 0; process[i].again = false; \
  process[i].lease_over = false; process[i].flying = false

/* Signals of src/core/lifecycle.cpp and order_life.cpp, by its table. */
#define apply_doubt \
  if :: row.status == submitting -> row.status = unknown; row.epoch++ :: else fi
#define apply_ack \
  if :: row.status == placed || row.status == submitting || row.status == unknown -> \
        row.status = acked; row.parked = false \
     :: else fi
#define apply_reject \
  if :: row.status != rejected && row.status != cancelled && row.status != absent -> \
        row.status = rejected; row.parked = false \
     :: else fi
#define apply_not_accepted \
  if :: row.status == submitting || row.status == unknown -> row.status = placed; row.parked = false \
     :: else fi
#define apply_park \
  if :: row.status == unknown -> row.parked = true :: else fi
#define take_claim(from_doubt) \
  row.status = submitting; row.attempt++; row.epoch++; me.epoch = row.epoch; me.attempt = row.attempt; \
  me.again = from_doubt; me.word = nothing; me.lease_over = false; me.step = claimed

/* --- the transitions -------------------------------------------------------------------------------- */

/* T1: accept() of src/engine/accept.cpp, accept() of each store. The key decides: a repetition is answered
 * from the row. In inline mode T2 is in the same commit, which is the run where `claim` follows at once. */
inline accept() {
  if
  :: row.status == absent && halted -> forget(id)  /* refused, and the key stays unused */
  :: row.status == absent && !halted -> row.status = placed; me.step = replying
  :: row.status != absent -> me.step = replying
  fi
}

/* T2: dispatch_to(), dispatch_one() of src/engine/dispatch.cpp, claim() of each store. */
inline claim() {
  assert(!halted);
  take_claim(false)
}

/* why_not_send() and send_request() of src/engine/dispatch.cpp: the last look at lease, switches and window.
 * What is held back is given back. What passes leaves whenever the process comes to it. */
inline send() {
  if
  :: lease_stops || halted || window_stops -> me.word = not_sent; me.step = answered
  :: else -> me.step = checked
  fi
}

/* T3: record(), outcome_applies(), resend_signals() of src/engine/dispatch.cpp. */
inline result() {
  if
  :: me.word == accepted -> apply_ack
#ifdef FLAW_REFUSAL_DECIDES
  :: me.word == refused && (current || (row.status == unknown && row.attempt == me.attempt)) -> apply_reject
#else
  :: me.word == refused && me.again && (current || (row.status == unknown && row.attempt == me.attempt)) ->
       apply_doubt; apply_park
  :: me.word == refused && !me.again && (current || (row.status == unknown && row.attempt == me.attempt)) ->
       apply_reject
#endif
  :: me.word == not_sent && current && me.again -> apply_doubt
  :: me.word == not_sent && current && !me.again -> apply_not_accepted
#ifdef FLAW_RESEND_ON_TIMEOUT
  :: me.word == in_doubt && current -> apply_not_accepted
#else
  :: me.word == in_doubt && current -> apply_doubt
#endif
  :: else
  fi;
  forget(id)
}

/* mark_abandoned() of src/engine/recover.cpp: the lease is over, or its owner is dead. */
inline abandon() {
  apply_doubt
}

/* resolve_one() of src/engine/recover.cpp up to the answer, and what the class would allow. */
inline look_up() {
  me.step = looked;
  me.epoch = row.epoch;
  if
  :: book == accepted && visible -> me.word = found
  :: book == refused && visible -> me.word = found_refused
  :: book == nothing -> me.word = not_found; me.again = would_refuse_twice
  :: book != nothing && !visible && faults > 0 -> faults--; me.word = not_found; me.again = would_refuse_twice
  fi
}

/* adopt(), adopt_listed() of src/engine/recover.cpp, evidence_of() of src/engine/evidence.cpp. */
inline adopt() {
  if
  :: row.status == unknown && me.word == found -> apply_ack
#ifdef FLAW_REFUSED_ROW
  :: row.status == unknown && me.word == found_refused -> apply_reject
#else
  :: row.status == unknown && me.word == found_refused && row.epoch == me.epoch && !of_which_attempt -> apply_reject
  :: row.status == unknown && me.word == found_refused && row.epoch == me.epoch && of_which_attempt -> apply_park
#endif
#ifdef FLAW_LOOK_ALIKE
  :: row.status == unknown && me.word == not_found -> apply_ack  /* another order of the same size is there */
#endif
#ifdef FLAW_NOT_FOUND_IS_REJECT
  :: row.status == unknown && me.word == not_found -> apply_reject
#endif
  :: else
  fi;
  forget(id)
}

/* dispatch_one() of src/engine/dispatch.cpp from `unknown`, claim() of each store with the epoch that was seen. */
inline resend() {
  if
  :: row.status == unknown && row.epoch == me.epoch && may_claim && may_claim_parked ->
       assert(!halted);
       assert(!row.parked);
       take_claim(true)
  :: else -> forget(id)
  fi
}

/* park() of src/engine/recover.cpp. */
inline park() {
#ifndef FLAW_NEVER_PARKED
  apply_park;
#endif
  forget(id)
}

/* resolve() of src/engine/manage.cpp: a person's decision. `--not-placed` takes a parked order only. */
inline resolve() {
  if
  :: acceptances > 0 -> apply_ack
  :: acceptances == 0 && nothing_can_come -> apply_reject
  :: acceptances == 0 && nothing_can_come && row.parked -> apply_not_accepted
  fi
}

/* --- who does them ---------------------------------------------------------------------------------- */

/* A look-up that would change nothing is left out, so that every run ends. */
#define shown_news (visible && !(book == refused && row.parked && of_which_attempt))
#define denial_counts (!row.parked && !(halted && refuses_twice))
#define worth_looking_up \
  (row.status == unknown && CLASS != N && \
   ((book != nothing && shown_news) || ((book == nothing || faults > 0) && denial_counts)))

proctype Orchestrator(byte id) {
end:
  do
  :: d_step { me.step == idle && requests > 0 ->
#ifdef FLAW_RECEIPT_FIRST
       acknowledged = true;
#endif
       requests--; me.step = accepting }
  :: atomic { me.step == accepting -> accept() }
  :: d_step { me.step == replying -> acknowledged = true; forget(id) }

  :: d_step { me.step == idle && row.status == placed && may_claim -> claim() }
  :: d_step { me.step == claimed -> send() }
  :: d_step { me.step == checked -> me.step = waiting; me.flying = true;
       assert(!me.again || CLASS == E || CLASS == W) }
  :: d_step { me.step == answered -> result() }

  :: d_step { me.step == idle && row.status == submitting && !holds_lease(0) && !holds_lease(1) -> abandon() }
  :: atomic { me.step == idle && worth_looking_up -> look_up() }
  :: d_step { me.step == idle && row.status == unknown && CLASS == N && !row.parked -> park() }
#if defined(FLAW_LOOK_ALIKE) || defined(FLAW_NOT_FOUND_IS_REJECT)
  :: d_step { me.step == looked -> adopt() }
#else
  :: d_step { me.step == looked && me.word != not_found -> adopt() }
#endif
  :: d_step { me.step == looked && me.word == not_found && me.again -> resend() }
  :: d_step { me.step == looked && me.word == not_found && !me.again -> park() }

  /* faults of the process and of the wire */
  :: d_step { me.step != idle && faults > 0 -> faults--; forget(id) }
  :: d_step { sending(id) && !me.lease_over && faults > 0 ->
       faults--; me.lease_over = true }
  :: d_step { me.step == checked && faults > 0 -> faults--; me.word = not_sent; me.step = answered }
  :: d_step { me.step == waiting && faults > 0 -> faults--; orphans++; me.flying = false;
       me.word = in_doubt; me.step = answered }
  od
}

/* What the broker makes of a request that reached it. */
#define decide(word) \
  if \
  :: book != nothing && refuses_twice -> word = nothing \
  :: !(book != nothing && refuses_twice) -> acceptances++; book = accepted; told_accepted = true; word = accepted \
  :: book == nothing -> told_refused = true; word = refused \
  :: book == nothing -> book = refused; told_refused = true; word = refused \
  fi

proctype Broker() {
  byte id;
  mtype:word said;
end:
  do
  :: atomic { process[0].flying || process[1].flying ->
       if :: process[0].flying -> id = 0 :: process[1].flying -> id = 1 fi;
       decide(said);
       me.flying = false;
       if
       :: said != nothing -> me.word = said
       :: said == nothing && book == accepted && visible -> me.word = accepted  /* confirmed by look-up */
       :: said == nothing && !(book == accepted && visible) -> me.word = in_doubt
       :: said != nothing && faults > 0 -> faults--; me.word = in_doubt
       fi;
       me.step = answered; said = nothing; id = 0 }
  :: atomic { orphans > 0 -> orphans--;
       if :: decide(said) :: skip fi;
       said = nothing }
  :: d_step { book != nothing && !visible -> visible = true }
  :: d_step { CLASS == W && !window_over && !on_its_way -> window_over = true }

  /* T4: poll(), apply_word() of src/engine/ingest.cpp; or the report is never told. */
  :: d_step { told_accepted -> told_accepted = false; apply_ack }
  :: d_step { told_refused -> told_refused = false;
       if
       :: (row.status == submitting || row.status == unknown) && earlier_in_doubt -> apply_doubt; apply_park
#ifndef FLAW_LATE_REFUSAL
       :: row.status == acked  /* about another attempt than the one that the broker has */
#endif
       :: else -> apply_reject
       fi }
  :: d_step { told_accepted -> told_accepted = false }
  :: d_step { told_refused -> told_refused = false }
  od
}

proctype Person() {
end:
  do
  :: atomic { decisions > 0 && row.status == unknown && (acceptances > 0 || nothing_can_come) ->
       decisions--; resolve() }
  :: d_step { row.status == placed -> row.status = cancelled }  /* cancel() of src/engine/manage.cpp */
  :: d_step { halts_left -> halts_left = false; halted = true }
  :: d_step { halted -> halted = false }
  :: break
  od
}

active proctype Watch() {
end:
  do
  :: atomic { !(AtMostOnce && NothingLost && EndIsTrue && AckIsTrue) ->
       assert(AtMostOnce); assert(NothingLost); assert(EndIsTrue); assert(AckIsTrue) }
  :: atomic { timeout -> assert(AtRest); break }
  od
}

init {
  atomic { run Orchestrator(0); run Orchestrator(1); run Broker(); run Person() }
}
