"""One small client for each store of the stack.

A client asks one store, and its methods return probes: the question, a link a person can open, and how to read.
What is read is a frozen value whose repr is the one line a timeout prints.
"""
