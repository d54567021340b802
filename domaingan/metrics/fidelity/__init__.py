"""How near generated images are to real ones: features of images, and distances between two sets of features."""
