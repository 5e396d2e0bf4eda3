"""The package that `tansaku new calculator` writes: its files, with placeholders such as ``@NAME@`` for the given name."""
