// psm_skip's value is an integer constant that the function could have returned.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only -Xclang -verify %s
#define SKIP(x) __attribute__((psm_skip(x)))
extern int variable;
enum color { RED, GREEN };

__attribute__((psm_skip)) void log_line(const char *text);
SKIP(0) int count(void);
SKIP(GREEN) enum color paint(void);
SKIP(0) char *name(void);
[[psm::skip(-1)]] long number(void);

SKIP(variable) int unknown(void);
// expected-error@-1 {{the value that replay sees instead of calling 'unknown' must be an integer constant}}
[[psm::skip(variable + 1)]] int unknown_sum(void);
// expected-error@-1 {{must be an integer constant}}
SKIP(1) char *wild(void);
// expected-error@-1 {{a pointer that replay sees can only be NULL: write 'psm_skip(0)'}}
SKIP(0) double ratio(void);
// expected-error@-1 {{'ratio' returns 'double': only an integer or NULL can be given to 'psm_skip'}}
SKIP(0) void nothing(void);
// expected-error@-1 {{'nothing' returns 'void'}}
[[psm::skip(1, 2)]] int two(void);
// expected-error@-1 {{'skip' attribute takes no more than 1 argument}}
__attribute__((noreturn, psm_skip)) void leave(void);
// expected-warning@-1 {{'leave' does not return, so replay stops where an op calls it}}
