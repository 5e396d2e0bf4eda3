"""Results of other campaigns that a campaign adopts instead of computing them again."""
