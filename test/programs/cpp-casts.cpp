// C++ ops with dynamic_cast, down, across, from a virtual base and to void *, and with
// the library's assertions on. Compiled without a warning.
//
// RUN: %psmcc -x c++ -Werror -fno-exceptions -D_GLIBCXX_ASSERTIONS -O0 %s -o %t.0 -lstdc++ && %t.0 %pmdir/0 | FileCheck %s
// RUN: %psmcc -x c++ -Werror -fno-exceptions -D_GLIBCXX_ASSERTIONS -O2 %s -o %t.2 -lstdc++ && %t.2 %pmdir/2 | FileCheck %s
// CHECK: verify no error
// CHECK-NEXT: 10 lines, 20 sprites, 9 at home
// CHECK-NEXT: verify no error
#include <cstdio>
#include <psm.h>
#include <vector>

struct Shape {
    virtual ~Shape() {}
};
struct Named {
    long Calls = 0;
    virtual ~Named() {}
};
struct Base {
    long Touched = 0;
    virtual ~Base() {}
};
struct Line : Shape {};
struct Sprite : Shape, Named, virtual Base {};

struct State {
    std::vector<Shape *> Shapes;
    Named *LastNamed = nullptr; // not where its Sprite begins
    void *Whole = nullptr;
    long Lines = 0, Sprites = 0, Home = 0;
};
struct Root {
    State *S;
};

extern "C" __attribute__((psm_op)) int64_t add(void *P, const void *Arg, size_t, void *)
{
    auto *R = static_cast<Root *>(P);
    if (!R->S)
        R->S = new State;
    State &S = *R->S;
    if (*static_cast<const long *>(Arg) % 3)
        S.Shapes.push_back(new Sprite);
    else
        S.Shapes.push_back(new Line);
    Shape *New = S.Shapes[S.Shapes.size() - 1];
    S.Whole = dynamic_cast<void *>(New);
    if (dynamic_cast<Line *>(New))
        ++S.Lines;
    if (auto *Across = dynamic_cast<Named *>(New)) {
        ++S.Sprites;
        ++Across->Calls;
        S.LastNamed = Across;
    }
    if (auto *B = dynamic_cast<Base *>(New)) {
        ++B->Touched;
        if (dynamic_cast<Sprite *>(B)->Calls != 1 || dynamic_cast<Shape *>(B) != New)
            return -1;
    } else if (S.LastNamed && dynamic_cast<Base *>(S.LastNamed)) {
        ++S.Home;
    }
    return 0;
}

int main(int, char **Args)
{
    psm_options Options = {};
    Options.root_size = sizeof(Root);
    psm_t *M;
    for (int Run = 0; Run < 2; ++Run) {
        if (psm_init(&M, Args[1], &Options) != 0) {
            puts(psm_error_detail());
            return 1;
        }
        for (long I = 0; Run == 0 && I < 30; ++I)
            if (psm_invoke_rw(M, add, &I, sizeof I, nullptr, 0) != 0)
                puts(psm_error_detail());
        printf("verify %s\n", psm_strerror(psm_verify(M)));
        State &S = *static_cast<Root *>(psm_root(M))->S;
        if (Run == 0)
            printf("%ld lines, %ld sprites, %ld at home\n", S.Lines, S.Sprites, S.Home);
        psm_close(M);
    }
}
