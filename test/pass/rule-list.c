// The built-in list covers what C programs use without thinking, in the spelling of
// every optimization level: no call of libc is left without a rule.
// RUN: for o in -O0 -O1 -O2 -O3 '-O2 -D_FORTIFY_SOURCE=2'; do %clang $o -fplugin=%psmpass -fpass-plugin=%psmpass -mllvm -psm-prelink -S -emit-llvm %s -o %t.ll && FileCheck %s < %t.ll || exit 1; done
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
// CHECK: define hidden{{.*}} @everything.psm
// CHECK-NOT: @{{(malloc|calloc|realloc|free|strdup|qsort|bsearch|printf|puts)}}(
// CHECK-NOT: extern_weak {{.*}}@{{([^c]|c[^o])[a-z_0-9]*}}.psm(
double everything(char *d, const char *s, int *v, size_t n, FILE *f)
{
    char *copy = strdup(s), *dup = strndup(s, n), *e;
    strcpy(d, s), strncpy(d, s, n), strcat(d, copy), memcpy(d, dup, n), memmove(d, s, n);
    memset(d, 0, n), stpcpy(d, s);
    double sum = strlen(s) + (strchr(d, 'x') != 0) + (strstr(d, s) != 0) + strcmp(d, s);
    sum += memcmp(d, s, 16) == 0, sum += strcasecmp(d, s) + strspn(d, s) + (strpbrk(d, s) != 0);
    sum += atoi(s) + atol(s) + strtol(s, &e, 10) + strtoull(s, 0, 16) + strtod(s, &e) + atof(s);
    sum += isalpha(s[0]) + tolower(s[1]) + toupper(s[2]) + isspace(s[3]) + abs(v[0]) + labs(n);
    snprintf(d, n, "%s %d", s, v[0]), sprintf(d, "%s", s), sum += sscanf(s, "%d", v);
    sum += pow(2.0, v[1]) + pow(sum, 0.5) + sin(sum) + floor(sum) + fmod(sum, 2) + sqrt(sum) + log(sum);
    printf("hi\n"), printf("%s\n", s), fprintf(f, "%s", s), fputs(s, f), fputc('x', f), puts(d);
    qsort(v, n, sizeof *v, compare), sum += bsearch(d, v, n, sizeof *v, compare) != 0;
    errno = 0, assert(n > 3), sum += strtoimax(s, &e, 10) + strtok(d, " ")[0] + strerror(errno)[0];
    int *w = calloc(n, sizeof *w);
    w = realloc(w, 2 * n), sum += w[0];
    free(w), free(copy), free(dup);
    if (sum < 0)
        abort();
    return sum;
}
