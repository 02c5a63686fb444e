// psm_shadow's target is a declared function of the same type.
//
// RUN: %clang -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only -Wall -Xclang -verify %s
#include <stdlib.h>
#define SHADOW(f) __attribute__((psm_shadow(f)))

static int quiet(int x) { return x; } // expected-note {{'quiet' is declared here}}
int variable;

SHADOW(quiet) int loud(int x);
SHADOW(&quiet) int louder(int x);

SHADOW(missing) int unknown(int x);
// expected-error@-1 {{'psm_shadow' takes one function declared before: what replay calls instead}}
SHADOW(variable) int object(int x);
// expected-error@-1 {{'psm_shadow' takes one function}}
SHADOW(quiet) int wide(long x);
// expected-error@-1 {{'quiet' is 'int (int)', but stands for 'wide', which is 'int (long)'}}
SHADOW(itself) int itself(int x);
// expected-error@-1 {{'psm_shadow' takes one function declared before}}
int again(int x);
SHADOW(again) int again(int x);
// expected-error@-1 {{'psm_shadow' replaces 'again' by itself}}
SHADOW(abs) int absolute(int x);
// expected-error@-1 {{'abs' is the library's: write a function of your own that calls it}}
__attribute__((psm_shadow)) int none(int x);
// expected-error@-1 {{'psm_shadow' attribute takes one argument}}
