/* index.c: see index.h. The two libraries' macros carry all of the work on
 * structures; what is left here is splitting text and keeping the lists. */
#include "index.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <bsd/sys/tree.h>

struct posting {
    struct word     *word;
    struct document *document;
    struct posting  *newer, *older;    /* the word's postings, by time of adding */
    struct posting  *next_in_document;
    uint32_t        *positions;        /* ordinals of words in the document, growing */
    uint32_t         count, capacity;  /* of positions */
};

struct word {
    UT_hash_handle  hh;
    RB_ENTRY(word)  by_count;
    uint64_t        occurrences;
    uint64_t        documents;
    struct posting *newest;
    uint32_t        size;   /* bytes of text, without its NUL */
    char            text[];
};

struct document {
    UT_hash_handle  hh;
    uint32_t        number;
    uint64_t        words;
    struct posting *postings;
    char           *name;
};

static int compare_words(struct word *a, struct word *b)
{
    if (a->occurrences != b->occurrences)
        return a->occurrences > b->occurrences ? -1 : 1;
    return strcmp(a->text, b->text);
}

RB_HEAD(count_tree, word);
RB_PROTOTYPE(count_tree, word, by_count, compare_words)
RB_GENERATE(count_tree, word, by_count, compare_words)

/* The tree's head is one pointer; the index holds it plain, so that index.h need
 * not know the library. */
static struct count_tree *tree_of(struct index *index)
{
    return (struct count_tree *)&index->by_count;
}

/* A word that stands in no document yet is in the table only, not in the tree. */
static struct word *word_get(struct index *index, const char *text, uint32_t size)
{
    struct word *word;
    HASH_FIND(hh, index->words, text, size, word);
    if (word)
        return word;
    word = calloc(1, sizeof *word + size + 1);
    if (!word)
        return NULL;
    word->size = size;
    memcpy(word->text, text, size);
    HASH_ADD_KEYPTR(hh, index->words, word->text, size, word);
    index->word_count++;
    return word;
}

/* Returns false if memory is out. */
static bool posting_append(struct posting *posting, uint32_t position)
{
    if (posting->count == posting->capacity) {
        uint32_t capacity = posting->capacity ? 2 * posting->capacity : 2;
        uint32_t *positions = realloc(posting->positions, capacity * sizeof *positions);
        if (!positions)
            return false;
        posting->positions = positions;
        posting->capacity = capacity;
    }
    posting->positions[posting->count++] = position;
    return true;
}

static struct posting *posting_get(struct document *document, struct word *word)
{
    if (word->newest && word->newest->document == document)
        return word->newest;
    struct posting *posting = calloc(1, sizeof *posting);
    if (!posting)
        return NULL;
    posting->word = word;
    posting->document = document;
    posting->older = word->newest;
    if (word->newest)
        word->newest->newer = posting;
    word->newest = posting;
    posting->next_in_document = document->postings;
    document->postings = posting;
    return posting;
}

/* Changes a word's counts by those of one posting, keeping the tree in order. */
static void word_count_posting(struct index *index, struct posting *posting, int sign)
{
    struct word *word = posting->word;
    if (word->occurrences)
        RB_REMOVE(count_tree, tree_of(index), word);
    word->occurrences += (uint64_t)sign * posting->count;
    word->documents += (uint64_t)sign;
    if (word->occurrences)
        RB_INSERT(count_tree, tree_of(index), word);
}

static void word_drop_if_unused(struct index *index, struct word *word)
{
    if (word->newest)
        return;
    HASH_DELETE(hh, index->words, word);
    index->word_count--;
    free(word);
}

/* Postings must have been counted, or the document be new and `counted` false. */
static void document_free(struct index *index, struct document *document, bool counted)
{
    for (struct posting *posting = document->postings, *next; posting; posting = next) {
        next = posting->next_in_document;
        struct word *word = posting->word;
        if (counted)
            word_count_posting(index, posting, -1);
        if (posting->newer)
            posting->newer->older = posting->older;
        else
            word->newest = posting->older;
        if (posting->older)
            posting->older->newer = posting->newer;
        word_drop_if_unused(index, word);
        free(posting->positions);
        free(posting);
    }
    free(document->name);
    free(document);
}

/* Puts the next word of text[*at..size) into `word`, lower case; returns its size, 0
 * at the end. A word is a run of letters, digits and bytes past ASCII. */
static uint32_t next_word(const char *text, uint64_t size, uint64_t *at, char *word)
{
    uint32_t length = 0;
    while (*at < size) {
        unsigned char c = (unsigned char)text[*at];
        bool inside = isalnum(c) || c >= 0x80;
        if (!inside && length)
            break;
        if (inside && length == WORD_BYTES_MAX)
            break;
        if (inside)
            word[length++] = (char)tolower(c);
        ++*at;
    }
    word[length] = 0;
    return length;
}

static bool document_fill(struct index *index, struct document *document, const char *text,
                          uint64_t size)
{
    char buffer[WORD_BYTES_MAX + 1];
    uint64_t at = 0;
    uint32_t length;
    while ((length = next_word(text, size, &at, buffer))) {
        struct word *word = word_get(index, buffer, length);
        if (!word)
            return false;
        struct posting *posting = posting_get(document, word);
        if (!posting) {
            word_drop_if_unused(index, word);
            return false;
        }
        if (!posting_append(posting, (uint32_t)document->words))
            return false;
        document->words++;
    }
    return true;
}

int64_t index_add(void *root, const void *arg, size_t arg_size, void *out)
{
    struct index *index = root;
    const struct add_argument *add = arg;
    const char *name = (const char *)(add + 1);
    struct document *document;
    (void)arg_size, (void)out;

    index->ops++;
    HASH_FIND(hh, index->documents, &add->document, sizeof add->document, document);
    if (document)
        return -1;
    document = calloc(1, sizeof *document);
    if (!document)
        return -1;
    document->number = add->document;
    document->name = strndup(name, add->name_size);
    if (!document->name || !document_fill(index, document, name + add->name_size, add->text_size)) {
        document_free(index, document, false);
        return -1;
    }
    for (struct posting *posting = document->postings; posting; posting = posting->next_in_document)
        word_count_posting(index, posting, 1);
    HASH_ADD(hh, index->documents, number, sizeof document->number, document);
    index->occurrences += document->words;
    return (int64_t)document->words;
}

int64_t index_remove(void *root, const void *arg, size_t arg_size, void *out)
{
    struct index *index = root;
    struct document *document;
    (void)arg_size, (void)out;

    index->ops++;
    HASH_FIND(hh, index->documents, arg, sizeof document->number, document);
    if (!document)
        return -1;
    int64_t words = (int64_t)document->words;
    HASH_DELETE(hh, index->documents, document);
    index->occurrences -= document->words;
    document_free(index, document, true);
    return words;
}

int64_t index_find(void *root, const void *arg, size_t arg_size, void *out)
{
    struct index *index = root;
    struct find_result *result = out;
    struct word *word;
    HASH_FIND(hh, index->words, arg, arg_size, word);
    if (!word)
        return -1;
    memset(result, 0, sizeof *result);
    result->occurrences = word->occurrences;
    result->documents = word->documents;
    result->first_position = word->newest->positions[0];
    strncpy(result->name, word->newest->document->name, sizeof result->name - 1);
    return 0;
}

int64_t index_top(void *root, const void *arg, size_t arg_size, void *out)
{
    struct index *index = root;
    struct top_word *top = out;
    uint32_t wanted, given = 0;
    struct word *word;
    (void)arg_size;
    memcpy(&wanted, arg, sizeof wanted);
    RB_FOREACH(word, count_tree, tree_of(index)) {
        if (given == wanted)
            break;
        top[given].occurrences = word->occurrences;
        strcpy(top[given].text, word->text);
        given++;
    }
    return given;
}

int64_t index_ops(void *root, const void *arg, size_t arg_size, void *out)
{
    (void)arg, (void)arg_size, (void)out;
    return (int64_t)((struct index *)root)->ops;
}

static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return digest;
}

int64_t index_digest(void *root, const void *arg, size_t arg_size, void *out)
{
    struct index *index = root;
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    struct word *word;
    (void)arg, (void)arg_size;
    digest = mix(digest, &index->ops, sizeof index->ops);
    digest = mix(digest, &index->word_count, sizeof index->word_count);
    digest = mix(digest, &index->occurrences, sizeof index->occurrences);
    RB_FOREACH(word, count_tree, tree_of(index)) {
        digest = mix(digest, word->text, word->size + 1);
        digest = mix(digest, &word->occurrences, sizeof word->occurrences);
        for (struct posting *posting = word->newest; posting; posting = posting->older) {
            digest = mix(digest, &posting->document->number, sizeof(uint32_t));
            digest = mix(digest, posting->positions, posting->count * sizeof(uint32_t));
        }
    }
    for (struct document *document = index->documents; document; document = document->hh.next)
        digest = mix(digest, document->name, strlen(document->name) + 1);
    *(uint64_t *)out = digest;
    return 0;
}
