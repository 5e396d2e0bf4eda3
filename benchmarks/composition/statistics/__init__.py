"""Statistics over many searches of one small pool: the proposer's mathematics, a thousand seeds at a time."""
