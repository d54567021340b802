"""Objects of frames that files list: boxes, polygons and run lengths, whatever layout the files have."""
