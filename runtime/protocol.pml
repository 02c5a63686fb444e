/* protocol.pml: the protocol on persistent memory, as a model that spin checks exhaustively.
 *
 * Checked: whatever the power takes and whenever, recovery within recovery included,
 *   - the state that a recovery serves is that after some prefix of the ops;
 *   - the prefix holds every op that was acknowledged, or served by a recovery before;
 *   - one commit slot at least is valid; recovery never takes a torn end for damage;
 *   - the machine goes on: no run ends but with every op of its last life replayed.
 *
 * How to try it (the test in test/model/ does it at smaller bounds, mutants included):
 *
 *   python3 test/model/check.py              2.4 million states, 6 s of CPU time to search
 *   python3 test/model/check.py --full       larger bounds: 36 million, minutes, 2.7 GB
 *   python3 test/model/check.py --mutants    each fault that must be found
 *   spin -a runtime/protocol.pml && cc -O2 -DSAFETY -DVECTORSZ=2048 -o pan pan.c && ./pan -m100000
 *
 * What stands for what:
 *
 *   here              DESIGN   code
 *   append            A1, A2   oplog_append, wait_for_room (oplog.c)
 *                     A3       machine_run_op; here `history` takes the op
 *   publish           A4       oplog_publish; psm_commit for several ops at once
 *   run_entries       R1       run_entries: entries up to log.executed (replay.c)
 *   begin             R2, R3   undo_begin (undo.c): foreseen records, fence, published tail
 *   change            R2, R3   epoch_note (epoch.c), undo_record_blocks (undo.c): record, fence
 *                     R4       the shadow's store; unlogged if fresh (epoch_fresh)
 *   commit            R5, R6   undo_commit, put_slot
 *   settle            R6       undo_settle, publish_tail (replay.c)
 *   accept            V1       undo_open, count_records (undo.c), oplog_scan (scan.c)
 *   roll_back         V2, V3   undo_recover
 *   the recovering    V4       recover (replay.c)
 *   new_life          V5, V6   start_new_life, rebuild (open.c)
 *   close             -        psm_close, oplog_seal (scan.c)
 *
 * The medium. A line has the value that loads see and the one that is kept for certain.
 * A store leaves the line dirty, or on its way if it is non-temporal; a flush sets a dirty
 * one on its way. A fence makes certain only what its own thread has on its way. A power
 * cut leaves each line that is not certain with either value, or torn; a store to one
 * may find the value before already evicted. So lines persist in any order, and at any
 * moment. A crash before a store is one after it in which the store is lost: that is why
 * stores between two fences may be one step. A killed process loses nothing that it has
 * stored, yet what it left dirty may still be lost when the power fails later.
 *
 * The state is three blocks: a counter; a count of toggles, which allocate and free in
 * turn; and the block that is allocated, which holds the number of the op that did it. An
 * op counts, toggles, or does both. None can be replayed twice unnoticed.
 *
 * Left out: extents, refusals, growth of files (ordered by fsync), the private copy D,
 * eADR, and media that lose what they have confirmed. A slot's two copies are one line
 * here: the outcomes are the same, old, new, or neither.
 *
 * Bounds: a log of RING entries; none on ops or crashes. Only what lies behind the newest
 * commit that is certain tells two states of the model apart, so at each such moment
 * everything is numbered from there anew (renumber), and the states are finitely many.
 * That rests on `never two slots in flight`, which is asserted. With -DOPS=n -DCRASHES=n
 * nothing is renumbered, and the bounds are these instead: a check of renumber itself. */
#ifndef RING
#define RING 2
#endif
#ifndef LAX
#define LAX false /* true for mutants: they have to break more than the model's own rule */
#endif
#ifdef OPS
#define more_ops     (head < OPS)
#define more_crashes (crashes < CRASHES)
#define one_crash    crashes++
#else
#define OPS          (3 * RING) /* between the certain tail and the head */
#define more_ops     true
#define more_crashes true
#define one_crash    skip
#define RENUMBER
#endif

/* ------------------------------------------------------------------ the medium */

/* Lines by number. Zero is what no valid line holds: neither at creation nor torn. */
#define SLOT     0                 /* two */
#define SEAL     2
#define LOG      3                 /* RING */
#define UNDO     (LOG + RING)      /* two areas, by the epoch's parity */
#define RECORDS  3                 /* of an area: one for each block */
#define IMAGE    (UNDO + 2 * RECORDS)
#define LINES    (IMAGE + 3)

short seen[LINES];  /* what a load returns */
short kept[LINES];  /* what a power cut leaves, unless it leaves what is seen */
byte  way[LINES];   /* what has become of the newest store */

#define CERTAIN  0
#define DIRTY    1  /* in a cache; and from here on: to be drained by a fence of */
#define OPENER   2
#define CALLER   3
#define OTHER    4  /* another caller */
#define REPLAY   5

#define GARBAGE  15 /* a torn block of the image, which has no checksum */

inline store(line, value, how)
{
    if
    :: way[line] != CERTAIN -> kept[line] = seen[line] /* the value before was evicted */
    :: true
    fi;
    seen[line] = value;
    way[line] = (seen[line] == kept[line] -> CERTAIN : how)
}

inline flush(line, who)
{
    if
    :: way[line] == DIRTY -> way[line] = who
    :: else
    fi
}

inline fence(who)
{
    d_step {
        for (i : 0 .. LINES - 1) {
            if
            :: way[i] == who -> kept[i] = seen[i]; way[i] = CERTAIN
            :: else
            fi
        }
        i = 0
    }
}

inline power_cut()
{
    for (i : 0 .. LINES - 1) {
        if
        :: way[i] == CERTAIN
        :: way[i] != CERTAIN -> kept[i] = seen[i]
        :: way[i] != CERTAIN -> seen[i] = kept[i]
        :: way[i] != CERTAIN -> seen[i] = (i < IMAGE -> 0 : GARBAGE); kept[i] = seen[i]
        fi;
        way[i] = CERTAIN
    }
    i = 0
}

inline process_end()
{
    for (i : 0 .. LINES - 1) {
        if
        :: way[i] > DIRTY -> kept[i] = seen[i]; way[i] = CERTAIN
        :: else
        fi
    }
    i = 0
}

/* What the lines hold. Counts instead of newest numbers: `durable` is one more than the
 * entry's field, and the tail is the position and the sequence in one. */
#define slot(epoch, tail, salt)             ((epoch) | (tail) << 5 | (salt) << 9)
#define slot_epoch(s)                       ((s) & 31)
#define slot_tail(s)                        (((s) >> 5) & 15)
#define slot_salt(s)                        ((s) >> 9)
#define entry(position, op, durable, salt)  ((position) | (op) << 4 | (durable) << 6 | (salt) << 10)
#define entry_position(e)                   ((e) & 15)
#define entry_op(e)                         (((e) >> 4) & 3)
#define entry_durable(e)                    (((e) >> 6) & 15)
#define entry_salt(e)                       ((e) >> 10)
#define record(epoch, block, first, value)  ((epoch) | (block) << 5 | (first) << 7 | (value) << 9)
#define record_epoch(r)                     ((r) & 31)
#define record_block(r)                     (((r) >> 5) & 3)
#define record_first(r)                     (((r) >> 7) & 3)
#define record_value(r)                     ((r) >> 9)

#define log_line(position)        (LOG + (position) % RING)
#ifdef M_ONE_AREA
#define undo_line(epoch, index)   (UNDO + (index))
#else
#define undo_line(epoch, index)   (UNDO + ((epoch) & 1) * RECORDS + (index))
#endif

/* The blocks of the image. */
#define COUNTER 0
#define TOGGLES 1
#define CONTENT 2
#define is_live (seen[IMAGE + TOGGLES] & 1)

/* ------------------------------------------------------------------ the oracle */

byte history[OPS]; /* ops by position: bit 0 counts, bit 1 toggles */
bool live_at_start; /* whether the block was allocated at position 0 */
byte appended;     /* position after the newest; recovery forgets those it has not found */
byte acknowledged; /* of them, those whose callers were told, and those served */
byte crashes;

hidden byte want_counter, want_toggles, want_content;
hidden byte i;

inline state_after(n)
{
    want_counter = 0; want_toggles = live_at_start; want_content = 0;
    for (i : 0 .. (n) - 1) {
        want_counter = want_counter + (history[i] & 1);
        if
        :: history[i] & 2 -> want_toggles++; want_content = i + 1
        :: else
        fi
    }
    i = 0
}

/* The image that is seen is that after `n` ops. */
inline check_state(n)
{
    d_step {
        state_after(n);
        assert(seen[IMAGE + COUNTER] == want_counter);
        assert(seen[IMAGE + TOGGLES] == want_toggles);
        assert(!(want_toggles & 1) || seen[IMAGE + CONTENT] == want_content)
    }
}

/* ------------------------------------------------------------------ memory of a process */

mtype = { starts, recovers, serves, stops, stopped };
mtype phase = starts;
bool up, replay_is_down, end_by_power;

byte newest;            /* slot that holds the newest commit */
byte epoch, tail, salt; /* that commit: m->commit */
byte head;              /* log.head */
byte durable;           /* log.durable + 1 */
byte executed;          /* log.executed */
byte published;         /* log.tail */
bool settled = true;    /* the newest commit is certain, and its tail published */

/* Of the open epoch, whose number is epoch + 1. */
byte count, first;      /* records; the first of them not yet fenced */
byte marks;             /* blocks that are logged or fresh, as bits */
byte recorded;          /* blocks that have a record */
bool was_live;          /* the allocated block, when the epoch began */
byte position;          /* of the next entry to replay */

inline forget_memory()
{
    phase = starts; newest = 0; epoch = 0; tail = 0; salt = 0; head = 0; durable = 0;
    executed = 0; published = 0; settled = true;
    count = 0; first = 0; marks = 0; recorded = 0; was_live = false; position = 0
}

/* ------------------------------------------------------------------ renumbering */

#define no_slot_in_flight (way[SLOT] == CERTAIN && way[SLOT + 1] == CERTAIN)

/* The newest commit has become certain. It becomes epoch 1 at position 0 with salt 1, its
 * counter and its content 0; what can never be valid again, since its epoch, position or
 * salt is older, becomes zero; and the rest is counted from there. Slots, undo areas and
 * places in the ring are swapped accordingly. */
#ifdef RENUMBER
inline swap(a, b)
{
    swapped = a; a = b; b = swapped
}

inline swap_lines(a, b)
{
    swap(seen[a], seen[b]); swap(kept[a], kept[b]); swap(way[a], way[b])
}

/* want_...: the state of the commit. */
#define renumbered_block(block, value) \
    ((value) == GARBAGE -> GARBAGE : \
     (block == COUNTER -> (value) - want_counter : \
     (block == TOGGLES -> (value) - (want_toggles & ~1) : \
     ((value) <= tail || (!(want_toggles & 1) && !(marks & 1 << CONTENT)) -> 0 : (value) - tail))))

#define after_tail(position) ((position) > tail -> (position) - tail : 0)

inline renumber_line(line)
{
    if
    :: i == SLOT -> line = slot(1, 0, 1)
    :: i == SLOT + 1 -> line = slot(0, 0, 1)
    :: i == SEAL -> line = line == epoch
    :: i >= LOG && i < UNDO ->
       line = (entry_salt(line) != salt || entry_position(line) < tail -> 0 :
               entry(entry_position(line) - tail, entry_op(line), (after_tail(entry_durable(line))), 1))
    :: i >= UNDO && i < IMAGE ->
       line = (record_epoch(line) <= epoch -> 0 :
               record(record_epoch(line) - epoch + 1, record_block(line), record_first(line),
                      renumbered_block(record_block(line), record_value(line))))
    :: i >= IMAGE -> line = renumbered_block(i - IMAGE, line)
    fi
}

inline renumber_all()
{
    d_step {
        state_after(tail);
        for (i : 0 .. LINES - 1) {
            renumber_line(seen[i]);
            renumber_line(kept[i]);
            way[i] = (seen[i] == kept[i] -> CERTAIN : way[i])
        }
        for (i : 1 .. RECORDS) {
            if
            :: undo_line(epoch, i - 1) != undo_line(1, i - 1) -> swap_lines(UNDO + i - 1, UNDO + RECORDS + i - 1)
            :: else
            fi
        }
        for (turns : 1 .. tail % RING) {
            for (i : LOG .. LOG + RING - 2) {
                swap_lines(i, i + 1)
            }
        }
        for (i : 0 .. OPS - 1) {
            history[i] = (i + tail < OPS -> history[i + tail] : 0)
        }
        i = 0;
        live_at_start = want_toggles & 1;
        appended = appended - tail;
        acknowledged = (after_tail(acknowledged));
        durable = (after_tail(durable));
        head = head - tail;
        executed = executed - tail;
        position = position - tail;
        tail = 0; published = 0; newest = 0; epoch = 1; salt = 1
    }
}
hidden short swapped;
hidden byte turns;

inline renumber()
{
    if
    :: no_slot_in_flight -> renumber_all()
    :: else -> assert(LAX)
    fi
}
#else
inline renumber()
{
    skip
}
#endif

/* ------------------------------------------------------------------ epochs */

#ifdef M_NO_R3
#define fence_r3(who) skip
#else
#define fence_r3(who) fence(who)
#endif
#ifdef M_FRESH_BEFORE_R3
#define first_r3_is_late (phase != starts)
#else
#define first_r3_is_late false
#endif
#ifdef M_NO_R5
#define fence_r5(who) skip
#else
#define fence_r5(who) fence(who)
#endif

inline put_record(block, who)
{
    store(undo_line(epoch + 1, count), record(epoch + 1, block, first, seen[IMAGE + block]), who);
    recorded = recorded | 1 << block;
    count++
}

inline publish_tail()
{
    published = tail;
    settled = true;
    renumber()
}

/* R2 and R3. Foreseen is one block at most; that is enough to have records of an epoch
 * stored while the commit before is on its way. */
inline begin(who)
{
    atomic {
        assert(epoch < 30);
        count = 0; first = 0; recorded = 0;
        was_live = is_live;
        if
        :: true
        :: phase != starts -> put_record(COUNTER, who)
        :: phase != starts -> put_record(TOGGLES, who)
        fi
    };
    atomic {
        if
        :: first_r3_is_late
        :: else ->
           fence(who);
           first = count;
           publish_tail()
        fi
    }
}

/* R2 to R4 for one block, by the replay thread. */
#ifdef M_FRESH_LIVE
#define is_fresh(block) (block == CONTENT)
#else
#define is_fresh(block) (block == CONTENT && !was_live)
#endif
inline change(block, value)
{
    if
    :: atomic { !(marks & 1 << block) && !(recorded & 1 << block) && !is_fresh(block) ->
           put_record(block, REPLAY) };
       atomic { fence_r3(REPLAY);
           first = count;
           if
           :: first_r3_is_late && !settled -> publish_tail()
           :: else
           fi;
           marks = marks | 1 << block;
           store(IMAGE + block, value, DIRTY) }
    :: atomic { else ->
           marks = marks | 1 << block;
           store(IMAGE + block, value, DIRTY) }
    fi
}

inline put_slot(tail_, salt_, epoch_, who)
{
    epoch = epoch_; tail = tail_; salt = salt_;
    newest = 1 - newest;
    assert(no_slot_in_flight || LAX);
    store(SLOT + newest, slot(epoch, tail, salt), who);
    settled = false
}

/* R5 and R6. */
inline commit(tail_, salt_, who)
{
    atomic {
        for (i : 0 .. 2) {
            if
            :: marks & 1 << i -> flush(IMAGE + i, who)
            :: else
            fi
        }
        i = 0;
        marks = 0; recorded = 0; count = 0; first = 0; was_live = false
    };
    atomic {
        fence_r5(who);
        put_slot(tail_, salt_, epoch + 1, who);
#ifdef M_PUBLISH_EARLY
        published = tail
#endif
    }
}

inline settle(who)
{
    atomic {
        fence(who);
        publish_tail()
    }
}

/* ------------------------------------------------------------------ the replay thread */

#define op_at_position entry_op(seen[log_line(position)])

/* One entry: the op's shadow. The content comes first, as its store is the one that may
 * go unlogged. */
inline replay_entry()
{
    if
    :: (op_at_position & 2) && !is_live -> change(CONTENT, position + 1)
    :: else
    fi;
    if
    :: op_at_position & 2 -> change(TOGGLES, seen[IMAGE + TOGGLES] + 1)
    :: else
    fi;
    if
    :: op_at_position & 1 -> change(COUNTER, seen[IMAGE + COUNTER] + 1)
    :: else
    fi;
    position++
}

/* Entries up to executed, in one epoch; it may end after any op. */
inline run_entries()
{
    begin(REPLAY);
    do
    :: replay_entry();
       if
       :: position < executed
       :: break
       fi
    od;
    commit(position, salt, REPLAY)
}

active proctype replay()
{
restart:
    {
end:    do
        :: (phase == recovers || phase == serves || phase == stops) && position < executed -> run_entries()
        :: phase == serves && position == executed && !settled -> settle(REPLAY)
        :: phase == recovers && position == executed ->
#ifndef M_NO_SETTLE
           settle(REPLAY);
#endif
           phase = starts
        :: phase == stops && position == executed -> settle(REPLAY); phase = stopped
        od
    } unless {
        !up
    };
    replay_is_down = true;
    atomic { up -> replay_is_down = false };
    goto restart
}

/* ------------------------------------------------------------------ recovery */

#define is_entry(p)     (entry_salt(seen[log_line(p)]) == salt && entry_position(seen[log_line(p)]) == (p))
#define is_record(e, n) (record_epoch(seen[undo_line(e, n)]) == (e) && seen[undo_line(e, n)] != 0)

/* Records of an epoch: how many; and none further on that says there had been more. */
inline count_records(e)
{
    count = 0; first = 0;
    do
    :: count < RECORDS && is_record(e, count) ->
       first = record_first(seen[undo_line(e, count)]);
       count++
    :: else -> break
    od;
    for (i : count .. RECORDS - 1) {
        assert(!is_record(e, i) || record_first(seen[undo_line(e, i)]) <= count)
    }
    i = 0
}

inline accept()
{
    d_step {
        assert(seen[SLOT] != 0 || seen[SLOT + 1] != 0);
        newest = (slot_epoch(seen[SLOT + 1]) > slot_epoch(seen[SLOT]) -> 1 : 0);
        epoch = slot_epoch(seen[SLOT + newest]);
        tail = slot_tail(seen[SLOT + newest]);
        salt = slot_salt(seen[SLOT + newest]);
        head = tail;
        do
        :: seen[SEAL] != epoch && head < tail + RING && is_entry(head) -> head++
        :: else -> break
        od;
        for (i : head + 1 .. tail + RING - 1) {
            assert(seen[SEAL] == epoch || !is_entry(i) || entry_durable(seen[log_line(i)]) <= head)
        }
        /* Epoch c+2 has fenced nothing unless c+1 was certain. */
        count_records(epoch + 2);
        assert(first == 0);
        count_records(epoch + 1);
        first = 0;
        assert(acknowledged <= head);
        assert(head <= appended);
        for (i : head .. OPS - 1) {
            history[i] = 0
        }
        i = 0;
        appended = head;
        durable = head;
        executed = head;
        published = tail;
        position = tail
    };
    renumber()
}

#if defined(M_BURN_NONE)
#define BURNT 0
#elif defined(M_BURN_ONE)
#define BURNT 1
#else
#define BURNT 2
#endif
inline roll_back()
{
    atomic {
        do
        :: count > 0 ->
           count--;
           i = record_block(seen[undo_line(epoch + 1, count)]);
           store(IMAGE + i, record_value(seen[undo_line(epoch + 1, count)]), DIRTY);
           flush(IMAGE + i, OPENER)
        :: else -> break
        od;
        i = 0
    };
#ifndef M_NO_V2_FENCE
    fence(OPENER);
#endif
    atomic {
        check_state(tail);
        put_slot(tail, salt, epoch + BURNT, OPENER)
    };
    settle(OPENER)
}

inline new_life()
{
    begin(OPENER);
#ifdef M_SALT_KEPT
    commit(head, salt, OPENER);
#else
    commit(head, salt + 1, OPENER); /* new: no entry has this salt, else the commit would be certain */
#endif
#ifndef M_NO_V5_FENCE
    settle(OPENER);
#endif
    atomic {
        check_state(head);
#ifdef M_NO_V5_FENCE
        publish_tail();
#endif
        acknowledged = head;
        phase = serves
    }
}

/* ------------------------------------------------------------------ the program */

#ifdef M_ACKNOWLEDGE_EARLY
#define fence_a4(who) skip
#else
#define fence_a4(who) fence(who)
#endif
#ifdef M_WITNESS_EARLY
#define witness (head + 1)
#else
#define witness durable
#endif

/* A1 to A3 for one of the three ops. */
inline append(op)
{
    atomic {
        more_ops && head < published + RING ->
        store(log_line(head), entry(head, op, witness, salt), caller);
        history[head] = op;
        head++;
        appended = head
    }
}

inline publish()
{
    atomic {
        fence_a4(caller);
        durable = head;
        executed = head
    }
}

active proctype program()
{
    byte caller = CALLER;
    /* As created (undo_format): both slots valid, and certain. */
    atomic {
        seen[SLOT] = slot(1, 0, 1); kept[SLOT] = seen[SLOT];
        seen[SLOT + 1] = slot(0, 0, 1); kept[SLOT + 1] = seen[SLOT + 1];
        up = true
    };
restart:
    {
        accept();
        roll_back();
        phase = recovers;
        phase == starts;
        new_life();
serving:
        do
        :: append(1)
        :: append(2)
        :: append(3)
        :: executed < head -> publish()
        :: executed == head && acknowledged < head -> acknowledged = head
#ifdef M_UNLOCK_EARLY
        :: caller = CALLER + OTHER - caller
#endif
        :: acknowledged == head && executed == head && more_crashes ->
           /* Close: wait for replay to stop; a seal; exit. */
#ifdef M_SEAL_EARLY
           store(SEAL, epoch, DIRTY);
#endif
           phase = stops;
           phase == stopped;
#ifndef M_SEAL_EARLY
           atomic { store(SEAL, epoch, DIRTY) };
#endif
           atomic { one_crash; forget_memory(); up = false }
#ifndef RENUMBER
        :: acknowledged == OPS && !more_crashes ->
           phase = stops;
           phase == stopped;
           check_state(OPS);
           goto done
#endif
        od
    } unless {
        !up
    };
    atomic {
        replay_is_down ->
        if
        :: end_by_power -> power_cut(); end_by_power = false
        :: else -> process_end()
        fi;
        caller = CALLER;
        up = true
    };
    goto restart;
done:
    skip
}

/* Takes the power, or kills the process. What that leaves of the lines is settled when
 * both threads are gone: so there are fewer states. */
active proctype power()
{
    do
    :: atomic { up && more_crashes ->
           one_crash;
           forget_memory();
           if
           :: end_by_power = true
           :: true
           fi;
           up = false }
    :: break /* from here on it has to go on */
    od
}
