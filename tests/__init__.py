"""The tests; they mirror the tree. A package, so that no installed package of the same name stands before it."""
