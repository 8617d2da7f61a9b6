"""The revisions, in the order of their numbers; what a released one does is never changed."""
