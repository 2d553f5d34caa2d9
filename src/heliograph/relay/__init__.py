"""Relay: the door for clients that keep a WebSocket open, to send messages and to be told of them.

Contract, section 10. A connection is a `Socket` (frames) with a `Peer` on it (requests and responses); once it has said
who it is, a `Session` is on the peer. `Door` owns them, `Calls` answers, `Clients` knows who hears what, `Deliveries`
tells them.
"""
