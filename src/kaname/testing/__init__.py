"""Invention for tests, demonstrations and benchmarks: a synthetic hospital, traps, and the search that finds leaks.

In: seeds. Out: files whose every planted identity is known, and hits where one of them turned up again. No person in
here exists. May be imported by tests and by the demonstration, by nothing else.
"""
