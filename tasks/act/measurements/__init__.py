"""People and robots in the loop: proposals that wait for values, and reports of values."""
