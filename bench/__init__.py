"""How fast Heliograph is and how much memory it takes, measured as a client sees it.

``python -m bench`` starts real server processes over new stores, drives them from a process of its own, and prints
figures beside the bars that they are held to. docs/benchmarks.md says what each figure means and how to read it.

- ``accept``, ``life``, ``pages``, ``memory``, ``startup``: one module each, with a ``measure(bench)``.
- ``client``: the process that loads a server and receives its callbacks; ``wire`` is its HTTP, cut to the bone.
- ``server``: a server with one more route, which does nothing. ``processes`` starts and watches all of them.
- ``report``: figures, bars and the table. ``machine``: what it was measured on.
"""
