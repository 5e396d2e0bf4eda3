"""Third-party optimisers as proposers, each used through its public interface; for `tansaku bench`."""
