"""How good: what generators, pastes and looks are like, measured on images."""
