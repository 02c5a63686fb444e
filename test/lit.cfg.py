# What every test can use. One topic a file, one intent sentence at its top.
#
# Run lines may use:
#   %opt %clang %clangxx FileCheck not   the LLVM this was built for, by full path
#   %psmpass %psmclang   the two plugins, for -fpass-plugin=, -load-pass-plugin=, -fplugin=
#   %psmcc               the driver
#   %psmclangflags       clang flags that come to the same without the driver
#   %libpsm              link flags of the static library; %libpsm_asan, %libpsm_tsan
#   %include             directory of psm.h
#   %source              top of the source tree; %runtime its runtime/, for unit tests
#   %pmdir               a fresh directory on tmpfs, which stands in for persistent
#                        memory (PMEM_IS_PMEM_FORCE=1 is set for every test)
#   %filedir             a fresh directory on an ordinary disk
# beside lit's own %s %t %S. %t is on disk and empty when a test starts.
#
# REQUIRES: avx2 stands for a processor with AVX2.
#
# A test that takes longer than five minutes is killed and has failed.
import os
import sys

import lit.formats

sys.path.insert(0, os.path.join(config.psm_source, "test"))
from fresh_directories import FreshDirectories  # noqa: E402

config.name = "psm"
config.suffixes = [".c", ".cpp", ".ll", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.psm_source, "test")
config.test_exec_root = os.path.join(config.psm_build, "test")
config.test_format = FreshDirectories(os.path.join(config.psm_build, "test", "media"))

lit_config.maxIndividualTestTime = 300

llvm = os.path.join(config.llvm_prefix, "bin")
lib = os.path.join(config.psm_build, "lib")
system = "-lpmem -lpthread -lm"
link = "-no-pie -Wl,--build-id=sha1 "
config.substitutions += [
    ("%clangxx", f"{llvm}/clang++"),
    ("%clang", f"{llvm}/clang"),
    ("%opt", f"{llvm}/opt"),
    ("%psmpass", f"{lib}/libpsmpass.so"),
    ("%psmclangflags",
     f"-fplugin={lib}/libpsmclang.so -fpass-plugin={lib}/libpsmpass.so"
     f" -fno-pie -ffp-contract=off -I{config.psm_build}/include"),
    ("%psmclang", f"{lib}/libpsmclang.so"),
    ("%psmcc", f"{config.psm_build}/bin/psm-cc"),
    ("%libpsm_asan", f"{link}-fsanitize=address,undefined {lib}/asan/libpsm.a {system}"),
    ("%libpsm_tsan", f"{link}-fsanitize=thread {lib}/tsan/libpsm.a {system}"),
    ("%libpsm_fuzz", f"{link}-fsanitize=fuzzer,address,undefined {lib}/fuzz/libpsm.a {system}"),
    ("%libpsm", f"{link}{lib}/libpsm.a {system}"),
    ("%include", f"{config.psm_build}/include"),
    ("%runtime", getattr(config, "psm_runtime", f"{config.psm_source}/runtime")),
    ("%source", config.psm_source),
    ("%build", config.psm_build),
]

with open("/proc/cpuinfo") as cpuinfo:
    if " avx2 " in cpuinfo.read():
        config.available_features.add("avx2")

# FileCheck, not, opt, llvm-objdump ... of this LLVM, not what PATH finds first.
config.environment["PATH"] = os.pathsep.join(
    [llvm, os.path.join(config.psm_build, "bin"), os.environ.get("PATH", "")])
config.environment["PMEM_IS_PMEM_FORCE"] = "1"
config.environment["LC_ALL"] = "C"
for name in ("HOME", "TERM"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
