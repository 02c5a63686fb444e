/* tree.h: an ordered tree of anything, by a comparator that it keeps. */
#ifndef TREE_H
#define TREE_H
#include <stddef.h>

typedef int tree_compare(const void *a, const void *b);
typedef void tree_visit(void *item, void *context);

struct tree {
    struct tree_node *top;
    tree_compare     *compare;
    size_t            count;
};

void *tree_find(const struct tree *tree, const void *like);
int   tree_add(struct tree *tree, void *item); /* 0; -1 if one like it is there, or no memory */
void *tree_remove(struct tree *tree, const void *like);
void  tree_each(const struct tree *tree, tree_visit *visit, void *context);
#endif
