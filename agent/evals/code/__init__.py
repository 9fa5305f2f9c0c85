"""Writing functions and running them against tests: HumanEval, HumanEval+, MBPP+."""
