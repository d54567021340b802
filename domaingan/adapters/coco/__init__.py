"""The layout ``coco``: pictures, and JSON files that list the objects in them."""
