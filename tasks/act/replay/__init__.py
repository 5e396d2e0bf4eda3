"""The campaign loop on the memory store, without processes or databases."""
