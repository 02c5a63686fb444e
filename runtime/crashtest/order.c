/* order.c: ops by several threads, in the order of the log. See run.h.
 *
 * Which thread's op an entry is of is seen from the thread that stored it, and what that had
 * begun last. Recovery may bring back the entries up to one only if all before are there, so
 * marks come to count entries: the ops begun, up to the first that is not; and the last one
 * acknowledged, which was not before all that stand before it in the log were durable. */
#include <string.h>

#include "../layout.h"
#include "run.h"
#include "trace.h"

bool order_steps(struct trace *trace, struct sequence *sequence, uint64_t first_entry)
{
    struct sequence before = *sequence;
    uint32_t at[256] = { 0 }, position[OPS_MAX + 1] = { 0 }, found = 0; /* at: step + 1 that a thread is at */
    unsigned log = file_number("log");
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct event *e = &trace->event[i];
        struct log_entry entry;
        if (e->kind == EVENT_BEGUN)
            at[e->thread] = (uint32_t)e->value;
        bool is_entry = e->kind == EVENT_ASIDE || (e->kind == EVENT_COPY && e->file == log);
        if (!is_entry || found == before.count)
            continue;
        memcpy(&entry, trace->content[e->content], sizeof entry);
        if (entry.sequence != first_entry + found || entry.kind < LOG_OP || entry.kind > LOG_OP_EXTENT
            || at[e->thread] == 0 || position[at[e->thread]] != 0)
            continue;
        sequence->step[found] = before.step[at[e->thread] - 1];
        position[at[e->thread]] = ++found;
    }
    if (found != before.count)
        return false;
    bool is_begun[OPS_MAX + 2] = { false };
    uint64_t begun = 0, acknowledged = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        struct event *e = &trace->event[i];
        uint64_t place = e->value <= OPS_MAX ? position[e->value] : 0;
        if (e->kind == EVENT_BEGUN && e->value != 0) {
            is_begun[place] = true;
            while (is_begun[begun + 1])
                begun++;
            e->value = begun;
        } else if (e->kind == EVENT_ACKNOWLEDGED && e->value != 0) {
            if (place > acknowledged)
                acknowledged = place;
            e->value = acknowledged;
        }
    }
    return true;
}
