/* names.h: names of shelves and items. */
#ifndef NAMES_H
#define NAMES_H
#include <stddef.h>

/* Formats "prefix-number" in a buffer of its own making; to be freed. */
char *name_make(const char *prefix, unsigned number);
/* Which of the known units a text ends with, or "" for none: a binary search. */
const char *name_unit(const char *text);
#endif
