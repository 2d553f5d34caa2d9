"""The SMSC for customers: where a project's SMPP clients bind. A door, like api/: parse, call the engine, answer.

`door.py` listens; `login.py` judges binds; `reading.py` makes of a submit what the engine takes, `submits.py` has it
taken; `queries.py` answers query_sm and cancel_sm, `references.py` knows what they ask by;
`clients.py` keeps who is bound; `deliveries.py` hands receipts and inbound messages over.
SMPP 3.4 issue 1.2 is the standard.
"""
