"""How a crop and its host become one image: blending methods and what is matched before."""
