"""PHYSBO: its search of a range, with an exact Gaussian process and expected improvement. It knows no constraints."""

import numpy as np
from physbo.search.range import Policy
from pipe import Pipe

pipe = Pipe()
low, high = np.zeros(pipe.dimensions), np.ones(pipe.dimensions)
policy = Policy(min_X=low, max_X=high, initial_data=(np.array(pipe.points), -np.array(pipe.values)))
policy.set_seed(pipe.seed)
while True:
    (point,) = policy.bayes_search(max_num_probes=1, score="EI", interval=0, num_rand_basis=0, is_disp=False)
    policy.write(point[None, :], np.array([-pipe.evaluate(point.tolist())]))
