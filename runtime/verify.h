/* verify.h: the two checks behind psm_verify, apart from that of frozen globals.
 *
 * Both are run with the machine's lock held and every op replayed, so that nobody
 * changes either copy meanwhile. */
#ifndef PSM_VERIFY_H
#define PSM_VERIFY_H
#include <stdint.h>

struct heap_view;
struct psm;

/* Whether D and P agree: live blocks, the heap's own metadata, persisted globals. The
 * first difference goes to the log callback and the detail text. Returns 0; PSM_EVERIFY;
 * PSM_ENOMEM. */
int verify_copies(struct psm *m);

/* Whether the state points to what will not be there after a restart. Returns 0;
 * PSM_EVERIFY; PSM_ENOMEM. */
int verify_pointers(struct psm *m);

/* Where in the state an address of D lies, for messages: "block 0x570000012340 of 64
 * bytes, offset 16" or "global 'table', offset 8". By one of the two views of the heap,
 * which nobody changes meanwhile. Returns `text`. */
const char *verify_place(struct psm *m, struct heap_view *heap, uint64_t address, char *text, uint64_t size);
#endif
