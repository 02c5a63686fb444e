/* tree.c: a treap; priorities follow from a counter, so equal histories make equal trees. */
#include "tree.h"
#include <stdlib.h>

struct tree_node {
    struct tree_node *left, *right;
    unsigned long     priority;
    void             *item;
};

static struct tree_node **link_of(const struct tree *tree, const void *like)
{
    struct tree_node **link = (struct tree_node **)&tree->top;
    int order;
    while (*link && (order = tree->compare(like, (*link)->item)) != 0)
        link = order < 0 ? &(*link)->left : &(*link)->right;
    return link;
}

void *tree_find(const struct tree *tree, const void *like)
{
    struct tree_node *node = *link_of(tree, like);
    return node ? node->item : NULL;
}

static struct tree_node *merge(struct tree_node *low, struct tree_node *high)
{
    if (!low || !high)
        return low ? low : high;
    if (low->priority > high->priority) {
        low->right = merge(low->right, high);
        return low;
    }
    high->left = merge(low, high->left);
    return high;
}

static void split(struct tree *tree, struct tree_node *node, const void *at,
                  struct tree_node **low, struct tree_node **high)
{
    if (!node) {
        *low = *high = NULL;
    } else if (tree->compare(at, node->item) < 0) {
        split(tree, node->left, at, low, &node->left);
        *high = node;
    } else {
        split(tree, node->right, at, &node->right, high);
        *low = node;
    }
}

int tree_add(struct tree *tree, void *item)
{
    static unsigned long counter; /* a global that ops write: state like the rest */
    if (*link_of(tree, item))
        return -1;
    struct tree_node *node = malloc(sizeof *node);
    if (!node)
        return -1;
    node->priority = ++counter * 0x9e3779b97f4a7c15;
    node->item = item;
    struct tree_node **link = &tree->top;
    while (*link && (*link)->priority > node->priority)
        link = tree->compare(item, (*link)->item) < 0 ? &(*link)->left : &(*link)->right;
    split(tree, *link, item, &node->left, &node->right);
    *link = node;
    tree->count++;
    return 0;
}

void *tree_remove(struct tree *tree, const void *like)
{
    struct tree_node **link = link_of(tree, like), *node = *link;
    if (!node)
        return NULL;
    void *item = node->item;
    *link = merge(node->left, node->right);
    free(node);
    tree->count--;
    return item;
}

static void walk(const struct tree_node *node, tree_visit *visit, void *context)
{
    if (!node)
        return;
    walk(node->left, visit, context);
    visit(node->item, context);
    walk(node->right, visit, context);
}

void tree_each(const struct tree *tree, tree_visit *visit, void *context)
{
    walk(tree->top, visit, context);
}
