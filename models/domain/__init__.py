"""The vocabulary of tansaku: specs, states, records, ports and errors.

Nothing in this package imports anything beyond the standard library, pydantic and numpy at run time, so that every other
part, a compute node included, can speak it cheaply.
"""
