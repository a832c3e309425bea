"""Stand-in for ``slicer.testing``."""

import sys
import unittest


def exitSuccess():
    """Do nothing."""


def exitFailure(message=""):
    raise Exception(message)


def runUnitTest(path, testname):
    sys.path.extend([path] if isinstance(path, str) else path)
    suite = unittest.TestLoader().loadTestsFromName(testname)
    if not unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful():
        exitFailure()
