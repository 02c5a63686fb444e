// In C++ the target is found by name lookup and handed to the pass by its symbol; a
// target nobody calls is compiled all the same.
//
// RUN: %clangxx -fplugin=%psmclang -fplugin-arg-psm-no-pass -S -emit-llvm %s -o - | FileCheck %s
// CHECK-DAG: c"psm_shadow:_ZN5quiet3logEPKc\00"
// CHECK-DAG: c"psm_shadow:_ZL6silentPKc\00"
// CHECK-DAG: define internal void @_ZL6silentPKc
namespace quiet {
void log(const char *) {}
} // namespace quiet
static void silent(const char *) {}

[[psm::shadow(quiet::log)]] void log(const char *) {}
[[psm::shadow(silent)]] void warn(const char *) {}
