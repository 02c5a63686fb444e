// In C++ an op may be a static member or lie in a namespace, but has no `this` and
// is no template.
//
// RUN: %clangxx -fplugin=%psmclang -fplugin-arg-psm-no-pass -fsyntax-only -Xclang -verify %s
#include <cstddef>
#include <cstdint>

namespace store {
[[psm::op]] int64_t put(void *root, const void *arg, std::size_t size, void *out) { return 0; }
} // namespace store

struct Table {
  [[psm::op]] static int64_t put(void *root, const void *arg, size_t size, void *out);
  [[psm::op]] int64_t grow(void *root, const void *arg, size_t size, void *out);
  // expected-error@-1 {{a 'psm::op' function has no 'this': make 'grow' static, and take the object from the root}}
};

template <class T>
[[psm::op]] int64_t any(void *root, const void *arg, size_t size, void *out) { return 0; }
// expected-error@-1 {{'psm::op' marks one function; 'any' is a template: mark a function that calls it}}
