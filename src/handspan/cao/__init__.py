"""The plugin inside cao-server: what CAO's hooks tell, and what they don't, as facts for the engine.

    hooks (any thread) ─┐                    ┌── Tables: CAO's database, read-only
    status bus (loop) ──┴─▶ Poller's queue ─▶│   Sweeps: tmux
                            one thread       └─▶ Desk: facts in their order ──▶ Host.put

* CAO imports `plugin` in every process of every agent, where standard output is a protocol: it imports nothing of
  weight, and nothing is made before `setup()`.
* The server's loop and the hooks only put into the queue. The poller's thread alone reads the database and asks tmux.
* All that CAO does not promise to its plugins is found out in `innards`; what is missing costs only what it told.
"""
