"""Pool posterior, kernels, acquisition, cost, transfer and stopping."""
