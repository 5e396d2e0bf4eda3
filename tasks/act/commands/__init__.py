"""Commands that change what is stored: create, steer, delete, promote, reconcile. Nothing here asks a question or prints.

What a user asks for takes an :class:`~tansaku.models.domain.authors.Actor`: who asks, and from where.
"""
