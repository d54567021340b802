"""Layouts of frames in which each frame has a file of its own that lists the objects in it."""
