//===- Labels.cpp - computed goto in shadow variants ----------------------===//
//
//   @table = internal constant [2 x ptr] [ptr blockaddress(@f, %a), …]
//     ->   @table.psm = internal constant [2 x ptr] [ptr blockaddress(@f.psm, %a), …]
//
// A label's address is an address inside one function: the clone jumping to an
// address from the foreground's table would land in the foreground's body. So
// private tables of labels are cloned with the function, differences of labels
// as well.
//
// That is right as long as a label's address, or a table's, goes nowhere but into
// jumps and local variables: in the state it would differ between D and P.
// Whatever else is done with them is refused, and so is a table that is written. That is
// found before any optimization, by following them from table to variable to use.
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"
#include "Variants.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace psm {
namespace {

/// Marks a cloned table.
constexpr StringLiteral TableAttr = "psm-labels";

/// Private variables whose initializers hold `C`, directly or through others.
void findTables(const Constant *C, SmallSetVector<GlobalVariable *, 4> &Tables) {
  for (const User *U : C->users()) {
    if (auto *G = dyn_cast<GlobalVariable>(U)) {
      auto *Table = const_cast<GlobalVariable *>(G);
      if (G->hasLocalLinkage() && Tables.insert(Table))
        findTables(G, Tables);
    } else if (isa<Constant>(U) && !isa<GlobalValue>(U)) {
      findTables(cast<Constant>(U), Tables);
    }
  }
}

bool isOwnLabelOrTable(const Value *V) {
  if (isa<BlockAddress>(V))
    return true;
  auto *G = dyn_cast<GlobalVariable>(V);
  return G && G->hasAttribute(TableAttr);
}

bool holdsLabel(const Constant *C) {
  if (isOwnLabelOrTable(C))
    return true;
  return !isa<GlobalValue>(C) && any_of(C->operands(), [](const Use &U) {
    return holdsLabel(cast<Constant>(U));
  });
}

/// Whether labels' differences, which are integers, are in `C`.
bool holdsDifference(const Constant *C) {
  if (auto *E = dyn_cast<ConstantExpr>(C))
    return E->getType()->isIntegerTy() && holdsLabel(E);
  return !isa<GlobalValue>(C) && !isa<BlockAddress>(C) && any_of(C->operands(), [](const Use &U) {
    return isa<Constant>(U) && holdsDifference(cast<Constant>(U));
  });
}

const AllocaInst *localOf(const Value *Pointer) {
  return dyn_cast<AllocaInst>(getUnderlyingObject(Pointer));
}

/// Follows labels' addresses through a variant as the front end made it, where local
/// variables are in memory: into them, out of them, and out of tables. A variable that
/// holds one is as a table is.
class LabelFlow {
public:
  explicit LabelFlow(Function &Variant) : Variant(Variant) {
    while (propagate())
      ;
  }

  /// Whether an address, or a table's, leaves the function by `I`.
  bool escapesAt(const Instruction &I) const {
    return any_of(I.operands(), [this](const Use &U) { return holds(U); }) &&
           !mayUse(I);
  }

private:
  bool holds(const Value *V) const {
    auto *C = dyn_cast<Constant>(V);
    return C ? !isa<Function>(C) && holdsLabel(C) : Held.contains(V);
  }

  /// A table may hold other things beside labels: numbers are no addresses, unless they
  /// are differences of such.
  static bool mayLoadLabel(const LoadInst &Load) {
    const Value *From = getUnderlyingObject(Load.getPointerOperand());
    auto *Table = dyn_cast<GlobalVariable>(From);
    return Load.getType()->isPtrOrPtrVectorTy() || isa<AllocaInst>(From) ||
           (Table && Table->hasInitializer() && holdsDifference(Table->getInitializer()));
  }

  bool isHeldBy(const Instruction &I) const {
    if (auto *Load = dyn_cast<LoadInst>(&I))
      return holds(Load->getPointerOperand()) && mayLoadLabel(*Load);
    return (isa<GetElementPtrInst, CastInst, BinaryOperator, SelectInst, PHINode, FreezeInst>(I)) &&
           any_of(I.operands(), [this](const Use &U) { return holds(U); });
  }

  bool propagate() {
    size_t Before = Held.size();
    for (Instruction &I : instructions(Variant)) {
      if (isHeldBy(I))
        Held.insert(&I);
      auto *Store = dyn_cast<StoreInst>(&I);
      auto *Copy = dyn_cast<MemTransferInst>(&I);
      if (Store && holds(Store->getValueOperand()))
        Held.insert(localOf(Store->getPointerOperand()));
      if (Copy && holds(Copy->getSource()))
        Held.insert(localOf(Copy->getDest()));
      Held.erase(nullptr);
    }
    return Held.size() != Before;
  }

  /// Whether `I` may have such an address as its operand.
  static bool mayUse(const Instruction &I) {
    if (auto *Store = dyn_cast<StoreInst>(&I))
      return localOf(Store->getPointerOperand());
    if (auto *Memory = dyn_cast<MemIntrinsic>(&I))
      return localOf(Memory->getDest());
    if (auto *Call = dyn_cast<IntrinsicInst>(&I)) // objectsize: a sanitizer asks
      return Call->isLifetimeStartOrEnd() || Call->getIntrinsicID() == Intrinsic::objectsize;
    return isa<LoadInst, GetElementPtrInst, CastInst, BinaryOperator, CmpInst, SelectInst, PHINode,
               IndirectBrInst, FreezeInst>(I);
  }

  Function &Variant;
  SmallPtrSet<const Value *, 16> Held; ///< what may be, or point to, such an address
};

} // namespace

void declareLabelTables(Function &From, ValueToValueMapTy &Map) {
  SmallSetVector<GlobalVariable *, 4> Tables;
  for (BasicBlock &Block : From)
    if (BlockAddress *Label = BlockAddress::lookup(&Block))
      findTables(Label, Tables);
  for (GlobalVariable *Table : Tables) {
    auto *Copy = new GlobalVariable(
        *From.getParent(), Table->getValueType(), Table->isConstant(),
        GlobalValue::InternalLinkage, nullptr, Table->getName() + ShadowSuffix, Table);
    Copy->copyAttributesFrom(Table);
    Copy->setSection("");
    Copy->addAttribute(TableAttr);
    Map[Table] = Copy;
  }
}

void defineLabelTables(ValueToValueMapTy &Map) {
  SmallVector<std::pair<GlobalVariable *, GlobalVariable *>, 4> Tables;
  for (const auto &[Old, New] : Map) {
    auto *Copy = dyn_cast_or_null<GlobalVariable>(static_cast<Value *>(New));
    if (Copy && Copy->hasAttribute(TableAttr) && !Copy->hasInitializer())
      Tables.push_back({cast<GlobalVariable>(const_cast<Value *>(Old)), Copy});
  }
  for (auto [Table, Copy] : Tables)
    Copy->setInitializer(MapValue(Table->getInitializer(), Map));
}

void refuseEscapingLabels(Function &Variant) {
  LabelFlow Flow(Variant);
  SmallVector<std::pair<Instruction *, StringRef>, 4> Refused;
  for (Instruction &I : instructions(Variant)) {
    auto *Store = dyn_cast<StoreInst>(&I);
    if (Store && isOwnLabelOrTable(getUnderlyingObject(Store->getPointerOperand())))
      Refused.push_back({&I, "a table of labels that is written to"});
    else if (Flow.escapesAt(I))
      Refused.push_back({&I, "a label's address that leaves its function"});
  }
  for (auto [I, What] : reverse(Refused))
    makeUnsupported(*I, What);
}

} // namespace psm
