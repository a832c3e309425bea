"""The self tests of the module files, as Reload and Test runs them."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import importlib
import unittest

import slicer
from launched_case import MODULES, LaunchedCase


class SelfTestCase(LaunchedCase):
    def test_the_self_tests_pass(self):
        for name in MODULES:
            with self.subTest(module=name):
                case = getattr(importlib.import_module(name), f"{name}Test")
                tests = unittest.TestLoader().loadTestsFromTestCase(case)
                result = unittest.TestResult()
                tests.run(result)

                faults = [text for _, text in (*result.failures, *result.errors)]
                self.assertEqual(faults, [], "\n".join(faults))
                self.assertEqual(result.skipped, [])
                self.assertGreaterEqual(result.testsRun, 3)

    def test_the_modules_offer_them_to_slicer(self):
        self.assertLessEqual(set(MODULES), set(slicer.selfTests))
