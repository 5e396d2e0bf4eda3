"""Tables that newcomers bring: experiments and small computations, searched with few evaluations."""
