"""The package that `tansaku new calculator` writes: its files, with ``@NAME@`` and others in place of what was asked for."""
