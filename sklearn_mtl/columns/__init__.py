"""Read columns of any container by their values: arrays, frames, lists, labels."""
