"""Commands that change a campaign, checks that judge a file, measurements and replays."""
