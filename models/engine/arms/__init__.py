"""Search by arms: choose a surface by what its minimum may be, and spread candidates over it."""
