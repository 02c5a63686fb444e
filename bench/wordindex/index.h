/* index.h: a word index over documents, as anybody would write it for memory.
 *
 * Words live in a uthash table and, by how often they occur, in a red-black tree
 * of <bsd/sys/tree.h>; each word has a list of postings, one a document, with the
 * positions of the word in it; each document has the list of its postings. All of
 * it is malloc'd and freed. Nothing here knows of persistence but the marks
 * psm_op and psm_ro, and op arguments being bytes. */
#ifndef WORDINDEX_INDEX_H
#define WORDINDEX_INDEX_H
#include <stddef.h>
#include <stdint.h>
#include "psm.h"

#define WORD_BYTES_MAX 63 /* longer runs of letters are cut into words of this length */

/* The root object. */
struct index {
    struct word     *words;      /* uthash, by text */
    struct word     *by_count;   /* root of the red-black tree */
    struct document *documents;  /* uthash, by number */
    uint64_t         ops;        /* adds and removes done, failed ones included */
    uint64_t         word_count; /* distinct words */
    uint64_t         occurrences;
};

/* Argument of index_add: this, the name, the text; neither is NUL-terminated. */
struct add_argument {
    uint32_t document;
    uint32_t name_size;
    uint64_t text_size;
};

/* What index_find says of a word. */
struct find_result {
    uint64_t occurrences;
    uint64_t documents;
    uint32_t first_position; /* in the document added last */
    char     name[100];      /* that document's name, cut */
};

/* What index_top says, most frequent first; argument: how many, uint32_t. */
struct top_word {
    uint64_t occurrences;
    char     text[WORD_BYTES_MAX + 1];
};

__attribute__((psm_op)) psm_op_fn index_add;    /* returns words added, -1 if the number is taken */
__attribute__((psm_op)) psm_op_fn index_remove; /* argument: uint32_t number; -1 if unknown */
__attribute__((psm_ro)) psm_op_fn index_find;   /* argument: the word; 0 or -1 */
__attribute__((psm_ro)) psm_op_fn index_top;    /* returns how many were given */
__attribute__((psm_ro)) psm_op_fn index_ops;    /* returns index.ops */
__attribute__((psm_ro)) psm_op_fn index_digest; /* of the content, wherever it lies in memory */
#endif
