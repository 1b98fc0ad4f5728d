"""The hub: one process that takes in what happens, keeps it, shows it and passes it on.

doors (OTLP over HTTP and gRPC, events) ──▶ Record (committed before the answer) ──▶ index ──▶ page
                                               └──▶ forward targets, each with its place in the record
"""
