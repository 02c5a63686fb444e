// Inline functions that the compiler drops after the notes were written leave no
// reference that the linker would miss, and the notes keep none of them alive.
//
// RUN: %build/bin/psm-c++ -O1 -fsanitize=undefined -fno-sanitize-recover %s -o %t && %t
// RUN: %build/bin/psm-c++ -O2 -c %s -o %t.psm.o
// RUN: %clangxx -O2 -fno-pie -c %s -o %t.plain.o
// RUN: llvm-nm --defined-only %t.psm.o | sed 's/^[0-9a-f]* //' | grep -v 'psm\|GCC_except' | sort > %t.psm
// RUN: llvm-nm --defined-only %t.plain.o | sed 's/^[0-9a-f]* //' | grep -v GCC_except | sort > %t.plain
// RUN: diff %t.plain %t.psm
#include <memory>
#include <string>
#include <vector>
struct Shape {
  virtual ~Shape() = default;
  virtual int area() const { return 0; }
};
struct Square : Shape {
  explicit Square(int side) : side(side) {}
  int area() const override { return side * side; }
  int side;
};
inline int twice(int x) { return 2 * x; }
static int sum(const std::vector<std::unique_ptr<Shape>> &shapes) {
  int total = 0;
  for (const auto &shape : shapes)
    total += twice(shape->area());
  return total;
}

int main() {
  std::vector<std::unique_ptr<Shape>> shapes;
  shapes.push_back(std::make_unique<Square>(2));
  std::string name = "square";
  return sum(shapes) + static_cast<int>(name.size()) - 14;
}
