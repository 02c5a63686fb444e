"""The test format: lit's shell tests, each with its own directories to keep state in.

%pmdir is on tmpfs, the stand-in for persistent memory, and %filedir on the disk
that holds the build. Both are empty when a test starts and gone when it has
passed; what a failed test left is kept on disk only, since a full tmpfs would
take the next tests down with it. %t and %t.* are removed before a test, too.

A module of its own, not part of lit.cfg.py, because lit hands the format to its
worker processes by pickling it, by module and name.
"""
import glob
import os
import re
import shutil
import tempfile

import lit.formats
import lit.TestRunner


def tmpfs():
    """A directory on tmpfs that this user may write."""
    choice = os.environ.get("PSM_TEST_TMPFS", "/dev/shm")
    if not os.access(choice, os.W_OK):
        raise RuntimeError(f"{choice} cannot be written; name a directory on tmpfs by PSM_TEST_TMPFS")
    return choice


class FreshDirectories(lit.formats.ShTest):
    def __init__(self, disk):
        super().__init__(execute_external=True)
        self.disk = disk

    def execute(self, test, lit_config):
        name = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(test.path_in_suite))
        os.makedirs(self.disk, exist_ok=True)
        on_disk = os.path.join(self.disk, name)
        shutil.rmtree(on_disk, ignore_errors=True)
        os.makedirs(on_disk)
        for scratch in glob.glob(glob.escape(lit.TestRunner.getTempPaths(test)[1]) + ".tmp*"):
            if os.path.isdir(scratch):
                shutil.rmtree(scratch)
            else:
                os.remove(scratch)
        in_memory = tempfile.mkdtemp(prefix=f"psm-{name}-", dir=tmpfs())
        result = None
        try:
            result = lit.TestRunner.executeShTest(
                test, lit_config, self.execute_external,
                [("%pmdir", in_memory), ("%filedir", on_disk)])
            return result
        finally:
            shutil.rmtree(in_memory, ignore_errors=True)
            if result is not None and not result.code.isFailure:
                shutil.rmtree(on_disk, ignore_errors=True)
