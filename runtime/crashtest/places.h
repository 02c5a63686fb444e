/* places.h: code locations of events, shared by all workers: what crash points are
 * counted by. A location is the chain of callers, up to the library's own. */
#ifndef CRASHTEST_PLACES_H
#define CRASHTEST_PLACES_H
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define PLACES_MAX   8192
#define PLACE_FRAMES 6

struct place {
    _Atomic uint64_t hash; /* 0: free */
    uint8_t  kind;         /* of the event */
    uint8_t  nth;          /* of a mark */
    uint8_t  frames;
    void    *frame[PLACE_FRAMES];
    _Atomic uint64_t points; /* crash points right before such an event */
    _Atomic uint64_t images[2]; /* made at them: of first crashes, of later ones */
};

extern struct place *places; /* PLACES_MAX, shared memory */

void places_setup(void); /* before workers are started */
/* The location that calls: its number. */
uint32_t place_here(uint8_t kind);
/* The instruction before `address`, stepped. */
uint32_t place_at(uint8_t kind, void *address);
/* The location of the n-th mark of this kind in a life: the first few are told apart. */
uint32_t place_of_mark(uint8_t kind, unsigned n);
/* "undo_commit < epoch_commit < end_epoch", as many functions as fit. */
const char *place_words(uint32_t place, char *text, size_t size);
/* The table: location, points, images; rarest first. */
void places_print(FILE *to);
#endif
