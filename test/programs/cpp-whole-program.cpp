// Virtual calls in ops replay as others do where a link-time optimizer knows all classes
// (-fwhole-program-vtables): it may devirtualize the foreground only.
//
// RUN: %psmcc -x c++ -O2 -flto -fvisibility=hidden -fwhole-program-vtables -fno-exceptions %s -o %t -lstdc++ && %t %pmdir/m
// RUN: %psmcc -x c++ -O2 -flto -fvisibility=hidden -fvirtual-function-elimination -fno-exceptions %s -o %t -lstdc++ && %t %pmdir/e
#include <psm.h>

struct Shape {
    virtual long area() { return 3; }
    virtual ~Shape() {}
    int scale = 2;
};
struct Square : Shape {
    long area() override { return scale + 1; }
    virtual Square *clone() { return new Square(*this); }
};
struct Cube : virtual Shape {
    long area() override { return scale * 6; }
    virtual Cube *clone() { return new Cube(*this); }
};
struct Root {
    long sum;
    Square *square;
    Cube *cube;
};

template <class Kind> static long replace(Kind *&kept)
{
    if (!kept)
        kept = new Kind;
    Kind *copy = kept->clone();
    delete kept;
    kept = copy;
    return kept->area();
}

extern "C" [[psm::op]] int64_t put(void *root, const void *, size_t, void *)
{
    Root *r = static_cast<Root *>(root);
    return r->sum += replace(r->square) + replace(r->cube);
}

int main(int, char **argv)
{
    psm_t *machine;
    struct psm_options options = {};
    options.root_size = sizeof(Root);
    for (int64_t want = 15; want <= 30; want += 15)
        if (psm_init(&machine, argv[1], &options) != 0
            || psm_invoke_rw(machine, put, nullptr, 0, nullptr, 0) != want
            || psm_verify(machine) != 0 || psm_close(machine) != 0)
            return 1;
    return 0;
}
