// psm-c++ compiles and links C++, and messages name functions as the source does.
//
// RUN: %build/bin/psm-c++ -O1 %s -o %t && %t %t.machine
// RUN: not %build/bin/psm-c++ -O1 -DCLOCK %s -o %t 2>&1 | FileCheck %s
// CHECK: error: op 'shop::put(void*, void const*, unsigned long, void*)' reaches a call of 'time'
// CHECK-SAME: -> shop::stamp({{(long)?}}) (
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <psm.h>
#include <string>

namespace shop {
struct Table { long sum; };
#ifdef CLOCK
__attribute__((noinline)) long stamp(long x) { return time(nullptr) + x; }
#else
__attribute__((noinline)) long stamp(long x) { return x; }
#endif
[[psm::op]] int64_t put(void *root, const void *arg, size_t, void *) {
  return static_cast<Table *>(root)->sum += stamp(*static_cast<const long *>(arg));
}
} // namespace shop

int main(int, char **argv) {
  psm_t *machine;
  psm_options options = {};
  options.root_size = sizeof(shop::Table);
  std::filesystem::remove_all(argv[1]);
  if (psm_init(&machine, argv[1], &options) != 0) {
    std::fprintf(stderr, "%s\n", psm_error_detail());
    return 1;
  }
  long two = 2;
  bool good = psm_invoke_rw(machine, shop::put, &two, sizeof two, nullptr, 0) == 2 &&
              psm_verify(machine) == 0;
  return psm_close(machine) != 0 || !good;
}
