"""faults_check.py: what is broken in PSM_CHECK, and in what the pass does so that ops do the
same in memory and in the image: see run.py. Each is a fault in words, the edits (file, old,
new) that make it, and the tests that run first."""

IMAGE, OPS, TWICE = "runtime/audit.c", "runtime/audit_ops.c", "runtime/audit_twice.c"
IN_OPS, IN_BYTES = ("runtime/check-ops.c",), ("runtime/check-bytes.c",)
IN_TWICE, IN_THREADS = ("runtime/check-twice.c",), ("runtime/check-threads.c",)
COPIED, ADDRESSES = "llvm-pass/CopiedBytes.cpp", "llvm-pass/LocalAddresses.cpp"
IN_PADDING = ("runtime/padding-large.c", "pass/zero-copied.ll")

SHARE = []

MUTANTS = [
    # Memory and image compared.
    ("the pages that memory has changed not compared",
     [(OPS, "for (int copy = 0; copy < 2; copy++)", "for (int copy = 1; copy < 2; copy++)")], IN_OPS),
    ("the pages that the image has changed not compared",
     [(OPS, "for (int copy = 0; copy < 2; copy++)", "for (int copy = 0; copy < 1; copy++)")], IN_OPS),
    ("pages of memory left writable after an op",
     [(OPS, "    watch_close(&a->d);\n    return 0;", "    return 0;")], IN_OPS),
    ("free blocks compared",
     [(OPS, "for (uint64_t i = at & ~UINT64_C(7); live && i < next; i += 8)",
       "for (uint64_t i = at & ~UINT64_C(7); i < next; i += 8)")], IN_OPS),
    ("persisted globals not compared after an op",
     [(OPS, "    if (global != NULL)\n        return differs(m, op, global);", "    (void)global;")], IN_OPS),
    ("persisted globals not compared before an op",
     [(OPS, "    const unsigned char *d = global_difference(m);\n    if (d != NULL) {",
       "    const unsigned char *d = NULL;\n    if (d != NULL) {")], IN_OPS),
    ("frozen globals not compared before an op",
     [(OPS, "    return globals_check_frozen(m, (unsigned char *)m->space.globals_low + PSM_DELTA);",
       "    return 0;")], IN_OPS),
    ("replay not waited for",
     [(OPS, "    int status = wait_for_replay(m);", "    int status = 0;\n    (void)wait_for_replay;")], IN_OPS),
    ("memory compared after psm_begin",
     [(OPS, "status != 0 || m->logs_after", "status != 0")], IN_THREADS),
    ("memory watched after psm_begin",
     [("runtime/psm.c", "        audit_release_memory(m);\n", "        ;\n")], IN_THREADS),
    # Strays.
    ("stray stores to memory not noted",
     [(IMAGE, "&& !rightly)", "&& !rightly && w != &a->d)")], IN_OPS),
    ("stray stores to the image not noted",
     [(IMAGE, "&& !rightly)", "&& !rightly && w == &a->d)")], IN_OPS),
    ("pages of the image left writable after an entry",
     [(IMAGE, "    watch_protect(&a->p);\n    watch_protect(&a->p_globals);\n", "")], IN_OPS),
    ("memory that the heap grows by not watched",
     [(IMAGE, "    watch_mapped(&m->audit->d, at, bytes);", "    (void)m, (void)at, (void)bytes;")], IN_OPS),
    # Every byte accounted for.
    ("changed blocks not looked for after an entry",
     [(IMAGE, "    check_image(m);\n    audit_compare_again(m);", "    audit_compare_again(m);"),
      (IMAGE, "    check_image(m); /* what has come since the entry before */\n", ""),
      (IMAGE, "void audit_before_commit(struct psm *m)\n{\n    check_image(m);",
       "void audit_before_commit(struct psm *m)\n{\n    (void)m;")], IN_BYTES),
    ("changed blocks of globals not looked for",
     [(IMAGE, "    check_pages(m, &m->audit->p_globals, &m->audit->looked_at[1]);\n", "")], IN_BYTES),
    ("a changed block taken for announced",
     [(IMAGE, "== 0 || space_marked(now))\n        return;\n    while", "== 0 || true)\n        return;\n    while")],
     IN_BYTES),
    ("an announcement after the store let pass",
     [(IMAGE, "if (before != NULL && memcmp", "if (false && memcmp")], IN_BYTES),
    ("pages found in order once not looked at again",
     [(IMAGE, "    a->looked_at[0] = a->looked_at[1] = 0;\n", "")], IN_BYTES),
    # Replayed twice.
    ("the state not put back before the second run",
     [(TWICE, "            memcpy(page_at(w, i), w->copies + (uint64_t)i * LAYOUT_PAGE, LAYOUT_PAGE);\n", "")],
     IN_TWICE),
    ("pages that only the second run changes not compared",
     [(TWICE, "for (uint32_t i = 0; i < count; i++)\n            compare_page",
       "for (uint32_t i = 0; i < before; i++)\n            compare_page")], IN_TWICE),
    ("globals not compared after the second run",
     [(TWICE, "        return !globals_is_scratch(m, (uint64_t)at - PSM_DELTA);", "        return false;")], IN_TWICE),
    ("free blocks compared after the second run",
     [(TWICE, "    return live;\n", "    return true;\n")], IN_TWICE),
    ("the second run in the place of the first",
     [("runtime/replay.c", "run_elsewhere(m, e, r->position, next);", "run_entry(m, e, r->position, next);")],
     IN_TWICE),
    # Locals that are copied whole.
    ("structs passed by value not taken for copies",
     [(COPIED, "      if (Type *Passed = Call->getParamByValType(Index))", "      if (Type *Passed = nullptr)")],
     IN_PADDING),
    ("what a callee copies through its parameter not seen",
     [(COPIED, "  if (Callee.isDeclaration() || Depth == DepthMax)", "  if (true)")], IN_PADDING),
    ("pointer variables not seen through",
     [(COPIED, "    if (!Held || !Held->getType()->isPointerTy())", "    if (true)")], IN_PADDING),
    ("of a large array of variable length nothing zeroed",
     [("llvm-pass/Zero.cpp", "  if (!Copied.empty() && Copied.High > 0)", "  if (false)")], IN_PADDING),
    ("a large local zeroed from its beginning, not the copy's",
     [("llvm-pass/Zero.cpp", "Value *At = Bytes.Low ? B.CreateGEP(B.getInt8Ty(), &A, B.getInt64(Bytes.Low)) : &A;",
       "Value *At = &A;")], IN_PADDING),
    # Addresses computed with.
    ("differences of addresses taken for numbers",
     [(ADDRESSES, "    return Other && First ? Flow::GoesOn : Flow::Ends;", "    return Flow::GoesOn;")],
     ("notes/local-addresses.c",)),
    ("the op's argument not taken for elsewhere",
     [(ADDRESSES, "Parameter->getArgNo() == 1)", "Parameter->getArgNo() == 9)")], ("notes/local-addresses.c",)),
]
