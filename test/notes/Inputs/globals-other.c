struct list { long length; struct list *next; };
int elsewhere;
static void really_push(struct list *l) { l->length++; }
void push_other(struct list *list) { really_push(list); }
long measure_other(const struct list *list) { return list->length; }
void touch_elsewhere(void) { elsewhere++; }
int declared_only;
void keep_other(struct list *root, struct list *list) { root->next = list; }
