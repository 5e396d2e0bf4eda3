"""PHYSBO's discrete search. Motoyama et al. (2022), https://doi.org/10.1016/j.cpc.2022.108405."""

from __future__ import annotations

import numpy as np

from tansaku.peers.problem import Problem, Suggestion


class PhysboOptimiser:
    """``physbo.search.discrete.Policy`` with its exact Gaussian process and its expected improvement; it maximises."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        from physbo.search.discrete import Policy

        policy = Policy(problem.encoding.matrix, initial_data=(problem.rows, -problem.standardised))
        policy.set_seed(problem.seed)
        policy.bayes_search(max_num_probes=0, interval=0, num_rand_basis=0, is_disp=False)
        score = np.asarray(policy.get_score("EI", actions=problem.free))
        best = int(np.argmax(score))
        return Suggestion(int(problem.free[best]), float(score[best]) * problem.deviation)
