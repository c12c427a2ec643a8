"""`make demo`: three faults, each from what broke to who was told and what explains it, on a stack of its own."""
