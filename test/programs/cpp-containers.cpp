// C++ ops: classes with virtual functions, every kind of new and delete, std::vector and
// std::unique_ptr in the state; the same bytes in the image. Without exceptions, and
// without what libstdc++ keeps in its library (std::map, std::string).
//
// RUN: %psmcc -x c++ -fno-exceptions -O0 %s -o %t.0 -lstdc++ && %t.0 %pmdir/0 | FileCheck %s
// RUN: %psmcc -x c++ -fno-exceptions -O2 %s -o %t.2 -lstdc++ && %t.2 %pmdir/2 | FileCheck %s
// CHECK: verify no error
// CHECK-NEXT: 150 circles, 100 names, area 450 450
// CHECK-NEXT: verify no error
#include <cstdio>
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <psm.h>
#include <vector>

struct Shape {
    virtual ~Shape() {}
    virtual long area() const = 0;
};
struct Circle : Shape {
    long Radius;
    explicit Circle(long R) : Radius(R) {}
    long area() const override { return 3 * Radius; }
};

class Name {
    std::unique_ptr<char[]> Text;
    size_t Length;

public:
    Name(const char *From, size_t L) : Text(new char[L]), Length(L) { std::memcpy(Text.get(), From, L); }
    bool operator<(const Name &Other) const
    {
        int Order = std::memcmp(Text.get(), Other.Text.get(), std::min(Length, Other.Length));
        return Order ? Order < 0 : Length < Other.Length;
    }
};

struct alignas(64) Total {
    long Value = 0;
};

struct State {
    std::vector<Shape *> Shapes;
    std::vector<Name> Names;
    Total *Sum = new Total;
};

struct Root {
    State *S;
};

extern "C" __attribute__((psm_op)) int64_t add(void *P, const void *Arg, size_t Size, void *)
{
    auto *R = static_cast<Root *>(P);
    if (!R->S)
        R->S = new State;
    State &S = *R->S;
    Name N(static_cast<const char *>(Arg), Size);
    auto Place = std::lower_bound(S.Names.begin(), S.Names.end(), N);
    if (Place == S.Names.end() || N < *Place)
        S.Names.insert(Place, std::move(N));
    Shape *C = new (std::nothrow) Circle(1);
    S.Shapes.push_back(C);
    S.Sum->Value += C->area();
    if (S.Shapes.size() > 150) {
        delete S.Shapes.front();
        S.Shapes.erase(S.Shapes.begin());
        delete S.Sum;
        S.Sum = new Total;
        for (Shape *X : S.Shapes)
            S.Sum->Value += X->area();
    }
    return (int64_t)S.Shapes.size();
}

int main(int argc, char **argv)
{
    psm_t *M;
    psm_options Options = {};
    Options.root_size = sizeof(Root);
    if (argc < 2 || psm_init(&M, argv[1], &Options))
        return std::puts(psm_error_detail()), 1;
    for (int I = 0; I < 200; I++) {
        char Name[40];
        int Length = std::snprintf(Name, sizeof Name, "name number %d", I * 7 % 100);
        psm_invoke_rw(M, add, Name, (size_t)Length, nullptr, 0);
    }
    std::printf("verify %s\n", psm_verify(M) ? psm_error_detail() : "no error");
    psm_close(M);
    if (psm_init(&M, argv[1], &Options))
        return std::puts(psm_error_detail()), 1;
    State &S = *static_cast<Root *>(psm_root(M))->S;
    long Area = 0;
    for (Shape *X : S.Shapes)
        Area += X->area();
    std::printf("%zu circles, %zu names, area %ld %ld\n", S.Shapes.size(), S.Names.size(), Area, S.Sum->Value);
    std::printf("verify %s\n", psm_verify(M) ? psm_error_detail() : "no error");
    return psm_close(M) != 0;
}
