//===- Versions.h - what differs between LLVM's versions --------*- C++ -*-===//
//
// The pass is made for LLVM 19 and builds for 16 to 22 as well. Where a way of saying
// something exists that all of them understand, that is used; this file holds the rest
// (but for where PassPlugin.h lies, in Plugin.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef PSM_VERSIONS_H
#define PSM_VERSIONS_H

#include "llvm/Config/llvm-config.h"
#include "llvm/IR/Attributes.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Support/ModRef.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"
#if LLVM_VERSION_MAJOR >= 17
#include "llvm/IR/AttributeMask.h"
#endif

namespace psm {

/// What a function promises of memory that a pointer argument leads to, as far as
/// not every version has such an attribute.
inline constexpr llvm::Attribute::AttrKind NewerPointerPromises[] = {
#if LLVM_VERSION_MAJOR >= 21
    llvm::Attribute::Captures, llvm::Attribute::DeadOnReturn,
#else
    llvm::Attribute::NoCapture,
#endif
#if LLVM_VERSION_MAJOR >= 20
    llvm::Attribute::Initializes,
#endif
#if LLVM_VERSION_MAJOR >= 18
    llvm::Attribute::Writable, llvm::Attribute::DeadOnUnwind,
#endif
};

/// Where what uses I's value can be put; there must be such a place.
inline llvm::BasicBlock::iterator afterDefinition(llvm::Instruction &I) {
#if LLVM_VERSION_MAJOR >= 18
  return *I.getInsertionPointAfterDef();
#else
  return I.getInsertionPointAfterDef()->getIterator();
#endif
}

inline llvm::SCEVExpander expander(llvm::ScalarEvolution &SE, const llvm::DataLayout &DL,
                                   const char *Name) {
#if LLVM_VERSION_MAJOR >= 22
  (void)DL;
  return llvm::SCEVExpander(SE, Name);
#else
  return llvm::SCEVExpander(SE, DL, Name);
#endif
}

/// Constant expressions of F that mention one of `Constants` become instructions.
inline void expandUsersIn(llvm::Function &F, llvm::ArrayRef<llvm::Constant *> Constants) {
#if LLVM_VERSION_MAJOR >= 17
  llvm::convertUsersOfConstantsToInstructions(Constants, &F);
#else
  for (llvm::Constant *C : Constants)
    for (llvm::User *Direct : llvm::make_early_inc_range(C->users())) {
      auto *Expression = llvm::dyn_cast<llvm::ConstantExpr>(Direct);
      if (!Expression)
        continue;
      llvm::SmallSetVector<llvm::User *, 16> Users;
      Users.insert(Expression);
      for (size_t Index = 0; Index != Users.size(); ++Index)
        for (llvm::User *U : Users[Index]->users())
          if (llvm::isa<llvm::ConstantExpr, llvm::Instruction>(U))
            Users.insert(U);
      for (llvm::User *U : Users)
        if (auto *I = llvm::dyn_cast<llvm::Instruction>(U); I && I->getFunction() == &F)
          llvm::convertConstantExprsToInstructions(I, Expression);
    }
#endif
}

} // namespace psm

#endif
