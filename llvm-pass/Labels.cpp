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
// Whatever else is done with them is refused, and so is a table that is written.
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"
#include "Variants.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
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

/// Whether `I` may have label address or table `U` as its operand.
bool mayUse(const Instruction &I, const Use &U) {
  if (auto *Store = dyn_cast<StoreInst>(&I))
    return U.getOperandNo() == 0 &&
           isa<AllocaInst>(getUnderlyingObject(Store->getPointerOperand()));
  return isa<LoadInst>(I) || isa<GetElementPtrInst>(I) || isa<CastInst>(I) ||
         isa<BinaryOperator>(I) || isa<CmpInst>(I) || isa<SelectInst>(I) ||
         isa<PHINode>(I) || isa<IndirectBrInst>(I) || isa<FreezeInst>(I);
}

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
  SmallVector<Instruction *, 4> Refused;
  for (Instruction &I : instructions(Variant)) {
    auto *Store = dyn_cast<StoreInst>(&I);
    if (Store && isOwnLabelOrTable(getUnderlyingObject(Store->getPointerOperand()))) {
      Refused.push_back(&I);
      continue;
    }
    for (const Use &U : I.operands()) {
      auto *C = dyn_cast<Constant>(U);
      if (C && !isa<Function>(C) && holdsLabel(C) && !mayUse(I, U)) {
        Refused.push_back(&I);
        break;
      }
    }
  }
  for (Instruction *I : reverse(Refused))
    makeUnsupported(*I, "the address of a label leaves the function, or its table is written");
}

} // namespace psm
