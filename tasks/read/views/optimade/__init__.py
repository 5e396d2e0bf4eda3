"""Structures of evaluations as OPTIMADE 1.2 has them (https://www.optimade.org): fields, filters, entries and lists."""
