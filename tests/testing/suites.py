"""What the tests of the suites share."""


def failing_tests(suite, case):
    """Run a suite on one case; return the names of the tests that say what is wrong with it."""

    class Suite(suite):
        def cases(self):
            return {"it": case}

    failures = Suite().failures()
    return {name.removesuffix("[it]") for name, error in failures.items() if isinstance(error, AssertionError)}
