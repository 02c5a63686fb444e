// What reads the machine rather than the state is refused in ops, however it is spelled:
// counters, the processor's random numbers and number, flags, frames, the thread.
//
// RUN: for e in '__builtin_readcyclecounter()' '__builtin_readsteadycounter()' '__builtin_ia32_rdtsc()' '__builtin_ia32_rdpmc(1)' '__builtin_ia32_rdrand64_step(&x)' '__builtin_ia32_rdseed64_step(&x)' '__builtin_ia32_rdpid()' '__builtin_ia32_readeflags_u64()' '__builtin_flt_rounds()' '(long)__builtin_frame_address(0)' '(long)__builtin_return_address(0)' '(long)__builtin_thread_pointer()'; do for o in 0 2; do %psmcc -O$o -mrdrnd -mrdseed -mrdpid "-DE=$e" %s -o %t > %t.log 2>&1; grep -q "error: op 'put' has the intrinsic llvm.*, which ops cannot have" %t.log || { echo "$e at -O$o: not refused"; cat %t.log; exit 1; }; done; done
// RUN: %psmcc -O0 '-DE=__builtin_popcountll(*(long *)root)' %s -o %t
#include <psm.h>

__attribute__((psm_op)) int64_t put(void *root, const void *arg, size_t size, void *out)
{
    unsigned long long x = 0;
    (void)arg, (void)size, (void)out;
    *(long *)root = (long)(E);
    return (int64_t)x;
}

int main(void) { return 0; }
