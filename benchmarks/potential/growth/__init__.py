"""Learning curves of a potential: its error by the amount of data, and by the method that chose the data."""
