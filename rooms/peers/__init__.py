"""Third-party optimisers as methods of `tansaku bench`, each used through its public interface.

No other part of tansaku imports this room: :mod:`.offers` is all that it is known by.
"""
