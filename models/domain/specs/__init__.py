"""Every spec class: what a campaign file and a site file may say."""
