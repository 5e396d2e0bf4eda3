"""Other people's optimisers behind the proposer's contract, each through its own public interface; for `tansaku bench`."""
