/* explore.h: what workers do, and what they share with the process that watches them. */
#ifndef CRASHTEST_EXPLORE_H
#define CRASHTEST_EXPLORE_H
#include <stdatomic.h>
#include <sys/types.h>

#include "cursor.h"
#include "run.h"

#define WORKERS_MAX 64
#define LEVELS      4  /* crashes in a row: of the ops, of the recovery, of that one's, … */
#define OVERRIDES_MAX (1u << 20)

struct settings {
    const struct psm_crashtest *test;
    uint64_t images;     /* stop after so many; 0: no such end */
    uint64_t seconds;    /* likewise */
    uint64_t seed;
    int64_t  sequence;   /* only this one; -1: all */
    uint64_t per_sequence; /* images of one sequence, about */
    unsigned jobs;
    unsigned timeout;    /* seconds a life may take */
    enum psm_medium medium;
    bool     verbose;
    char     directory[192]; /* on tmpfs, where images are made */
    char     keep[192];  /* where failures are kept */
    const char *program; /* argv[0] */
};

/* What a worker is at, for the watcher to tell if it dies of it. */
enum phase { PHASE_PREPARES, PHASE_RECORDS, PHASE_RECOVERS, PHASE_DONE, PHASE_FAILED };
struct slot {
    pid_t pid;
    _Atomic uint32_t phase;
    _Atomic uint64_t beat;      /* counts lives */
    struct file_names names;
    struct sequence sequence;
    struct states states;
    unsigned level;             /* crashes so far: which solid directory counts */
    uint64_t low, high;
    uint32_t event, place;      /* the crash point: right before this event of the trace */
    uint32_t events;
    struct choice choice;       /* of the image that is being recovered */
    char lines[1024];           /* choice_lines */
    char trouble[1024];         /* PHASE_FAILED */
};

#define TRIED_BITS 16
struct shared {
    _Atomic uint16_t tried[1 << TRIED_BITS]; /* by place and choice.kinds: images crashed again */
    _Atomic uint64_t next_sequence;
    _Atomic uint64_t sequences, short_sequences, points, images[LEVELS], duplicates, violations;
    _Atomic int stop;
    struct slot slot[WORKERS_MAX];
};

extern struct shared *shared;
extern struct settings settings;

void seen_setup(void);
bool seen_first(uint64_t hash); /* whether this image is a new one; counts it as seen */

/* The life of a worker process: explores sequences until told to stop. */
void explore(unsigned worker);
/* The machine that all sequences begin with. */
void explore_template(void);

/* keep.c: failures. Writes the image that the slot tells of, with all that is to be known
 * about it, to a new directory, and says so on standard output. */
void keep_failure(struct slot *slot, const char *what);
/* --image DIR: recover it again; the exit code. */
int keep_recover(const char *directory);
#endif
